"""Checkpoints of the programs of masked prediction: MAMP, STARS, Skeleton2vec and SLiM.

Attention heads and persons are not in the weights; they are the papers'.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mmskelssl.cli.official_names import rename
from mmskelssl.utils.errors import CheckpointError

Weights = dict[str, Tensor]
Converted = tuple[Weights, dict, list[str]]

_NUM_HEADS = 8
# Number of joints to layout and persons.
_LAYOUTS = {25: ('ntu25', 2), 20: ('kinect20', 1)}
_LAYER = {r'norm([12])\.(.+)': r'norm\1.\2', r'mlp\.fc1\.(.+)': r'ffn.0.\1', r'mlp\.fc2\.(.+)': r'ffn.2.\1'}
_TIMM_LAYER = _LAYER | {r'attn\.(.+)': r'attention.\1'}
_GATED_LAYER = {
    r'norm([12])\.(.+)': r'norm\1.\2',
    r'attn\.(.+)': r'attention.\1',
    r'mlp\.w12\.(.+)': r'ffn.inner.\1',
    r'mlp\.w3\.(.+)': r'ffn.outer.\1',
}
_SCALED_LAYER = _LAYER | {r'attn\.(\w+)\.(.+)': r'attention.\1.\2', r'gamma_([12])': r'scale\1.gamma'}
_ENCODER, _DECODER = 'encoder.joint.backbone', 'decoder.joint'


def convert_mamp(weights: Mapping[str, Tensor]) -> Converted:
    """State dict, the model's config and a remark."""
    converted = _tokens_first(
        rename(
            weights,
            _mamp_encoder('')
            | {
                r'mask_token': f'{_DECODER}.mask_token',
                r'decoder_embed\.(.+)': rf'{_DECODER}.embedding.\1',
                r'decoder_temp_embed': f'{_DECODER}.time_positions',
                r'decoder_pos_embed': f'{_DECODER}.joint_positions',
                r'decoder_norm\.(.+)': rf'{_DECODER}.norm.\1',
                r'decoder_pred\.(.+)': rf'{_DECODER}.predict.\1',
                **_layers(r'decoder_blocks', f'{_DECODER}.blocks', _TIMM_LAYER),
            },
        )
    )
    model = dict(_skeleton(converted), type='MAMP', backbone=_backbone(converted), decoder=_decoder(converted))
    remark = 'τ of the mask is not in the checkpoint: 0.8, that of NTU-60 (mask_temperature=0.75 for NTU-120).'
    return converted, model, [remark, _heads_remark(model)]


def convert_stars(weights: Mapping[str, Tensor]) -> Converted:
    """State dict, the model's config and a remark."""
    names = _mamp_encoder(r'encoder_student\.') | {
        r'(?:encoder_student\.)?head\.projector\.0\.(.+)': r'projector.joint.\1',
        r'(?:encoder_student\.)?head\.predictor\.(.+)': r'predictor.joint.\1',
        r'queue': 'bank.field_joint',
        r'queue_id': 'bank.field_clip',
        r'queue_ptr': 'bank.pointer',
    }
    converted = _tokens_first(rename(weights, names))
    converted['bank.field_joint'] = converted['bank.field_joint'].T.contiguous()
    converted['bank.field_clip'] = converted['bank.field_clip'].reshape(-1, 1)
    converted['bank.pointer'] = converted['bank.pointer'].reshape(())
    model = dict(
        _skeleton(converted),
        type='STARS',
        backbone=_backbone(converted),
        predictor_channels=len(converted['predictor.joint.0.weight']),
        queue_size=len(converted['bank.field_joint']),
    )
    return converted, model, [_heads_remark(model)]


def convert_skeleton2vec(weights: Mapping[str, Tensor]) -> Converted:
    """State dict, the model's config and a remark.

    The teacher's decoder and the embedding's mask token, which the program does not use, are left out.
    """
    names = {
        r'auto_encoder\.mask_token_emb': f'{_DECODER}.mask_token',
        r'auto_encoder\.decoder_embedding\.(.+)': rf'{_DECODER}.embedding.\1',
        r'auto_encoder\.decoder_spatio_pos_emb': f'{_DECODER}.joint_positions',
        r'auto_encoder\.decoder_temporal_pos_emb': f'{_DECODER}.time_positions',
        r'auto_encoder\.decoder_norm\.(.+)': rf'{_DECODER}.norm.\1',
        r'auto_encoder\.decoder_head\.(.+)': rf'{_DECODER}.predict.\1',
        **_layers(r'auto_encoder\.decoder\.layers', f'{_DECODER}.blocks', _SCALED_LAYER),
    }
    for theirs, ours in ((r'auto_encoder\.', _ENCODER), (r'ema\.model\.', _ENCODER.replace('encoder', 'encoder_k', 1))):
        names |= {
            rf'{theirs}encoder_embedding\.projection\.1\.(.+)': rf'{ours}.embedding.\1',
            rf'{theirs}encoder_embedding\.spatio_pos_emb': f'{ours}.joint_positions',
            rf'{theirs}encoder_embedding\.temporal_pos_emb': f'{ours}.time_positions',
            rf'{theirs}encoder_norm\.(.+)': rf'{ours}.norm.\1',
            **_layers(rf'{theirs}encoder\.layers', f'{ours}.blocks', _SCALED_LAYER),
        }
    unused = r'.*encoder_embedding\.mask_token_emb|ema\.model\.(decoder.*|mask_token_emb)'
    channels_first = {name: _last(value) if name.endswith('pos_emb') else value for name, value in weights.items()}
    converted = _tokens_first(_one_projection(rename(channels_first, names, drop=unused)))
    scaled = dict(layer_scale=1e-4, norm_eps=1e-6)
    model = dict(
        _skeleton(converted),
        type='Skeleton2vec',
        backbone=_backbone(converted) | scaled,
        decoder=_decoder(converted) | scaled,
    )
    num_segments = len(converted[f'{_ENCODER}.time_positions'])
    model['num_target_layers'] = min(8, model['backbone']['num_layers'])
    model['tube_length'] = 1 if num_segments % 5 else 5
    return converted, model, [_heads_remark(model)]


def convert_slim(weights: Mapping[str, Tensor]) -> Converted:
    """State dict, the model's config and remarks; of the teacher, which is all that the program keeps.

    The vector of the class token and its position become one: they are added before the first block.
    """
    converted: Weights = {}
    for owner in ('encoder.joint', 'encoder_k.joint'):
        names = {
            r'backbone\.patch_embed\.proj\.(.+)': rf'{owner}.backbone.embedding.\1',
            r'backbone\.register_tokens': f'{owner}.backbone.registers',
            r'backbone\.(cls_token|pos_embed|mask_token|norm\..+)': rf'{owner}.backbone.\1',
            **_layers(r'backbone\.blocks', f'{owner}.backbone.blocks', _GATED_LAYER),
        }
        for theirs, ours in dict(dino='clip', ibot='token').items():
            names |= {
                rf'{theirs}_head\.mlp\.(.+)': rf'{owner}.neck.{ours}.mlp.\1',
                rf'{theirs}_head\.last_layer\.weight_g': f'{owner}.neck.{ours}.gains',
                rf'{theirs}_head\.last_layer\.weight_v': f'{owner}.neck.{ours}.directions',
            }
        converted |= _tokens_first(_one_class_token(rename(weights, names)))
    head = 'encoder.joint.neck.clip'
    prototypes = dict(
        type='PrototypeNeck',
        out_channels=len(converted[f'{head}.gains']),
        num_layers=sum(name.startswith(f'{head}.mlp.') and name.endswith('weight') for name in converted),
        hidden_channels=len(converted[f'{head}.mlp.0.weight']),
        bottleneck_channels=converted[f'{head}.directions'].shape[1],
    )
    backbone = _stack(converted, _ENCODER, 'outer') | dict(
        type='ClassTokenTransformer',
        segment_length=converted[f'{_ENCODER}.embedding.weight'].shape[1] // 3,
        num_frames=64,
        num_registers=len(converted[f'{_ENCODER}.registers']),
        absent_persons='skip',
    )
    neck = dict(clip=prototypes, token=prototypes)
    model = dict(_skeleton(converted), type='SLiM', backbone=backbone, neck=neck)
    remark = 'The checkpoint holds the teacher alone: the student starts from it.'
    return converted, model, [_heads_remark(model), remark]


def _one_class_token(weights: Weights) -> Weights:
    out = dict(weights)
    for name in weights:
        if name.endswith('.pos_embed'):
            owner = name.removesuffix('.pos_embed')
            positions, token = out.pop(name), out.pop(f'{owner}.cls_token')
            out[f'{owner}.class_token'] = token[0] + positions[0, :1]
            out[f'{owner}.joint_positions'] = positions[0, 1:]
            out[f'{owner}.registers'] = out[f'{owner}.registers'][0]
    return out


def _mamp_encoder(prefix: str) -> dict[str, str]:
    return {
        rf'{prefix}temp_embed': f'{_ENCODER}.time_positions',
        rf'{prefix}pos_embed': f'{_ENCODER}.joint_positions',
        rf'{prefix}joints_embed\.proj\.(.+)': rf'{_ENCODER}.embedding.\1',
        rf'{prefix}norm\.(.+)': rf'{_ENCODER}.norm.\1',
        **_layers(rf'{prefix}blocks', f'{_ENCODER}.blocks', _TIMM_LAYER),
    }


def _layers(theirs: str, ours: str, names: Mapping[str, str]) -> dict[str, str]:
    """Patterns of a stack of layers; groups of the layers' own patterns come after the layer's number."""
    shift = {r'\1': r'\2', r'\2': r'\3'}
    out = {}
    for pattern, template in names.items():
        for group in (r'\2', r'\1'):
            template = template.replace(group, shift[group])
        out[rf'{theirs}\.(\d+)\.{pattern}'] = rf'{ours}.\1.{template}'
    return out


def _last(table: Tensor) -> Tensor:
    """(1, C, ...) as (..., C)."""
    return table.flatten(2)[0].T


def _tokens_first(weights: Weights) -> Weights:
    """Tables of positions and mask tokens in two dimensions, convolutions of a segment as linear layers."""
    out = dict(weights)
    for name, value in weights.items():
        if name.endswith(('_positions', 'mask_token')):
            out[name] = value.flatten(0, -2)
        elif value.ndim == 4:
            # (C, 3, frames, 1): a token's numbers are frame by frame.
            out[name] = value.squeeze(-1).transpose(1, 2).flatten(1)
    return out


def _one_projection(weights: Weights) -> Weights:
    """Queries, keys and values of one layer, one after another."""
    out = {}
    for name, value in weights.items():
        if '.queries.' in name:
            parts = [weights[name.replace('queries', part)] for part in ('queries', 'keys', 'values')]
            out[name.replace('queries', 'qkv')] = torch.cat(parts)
        elif '.keys.' not in name and '.values.' not in name:
            out[name] = value
    return out


def _skeleton(weights: Weights) -> dict:
    num_joints = len(weights[f'{_ENCODER}.joint_positions'])
    if num_joints not in _LAYOUTS:
        raise CheckpointError(
            f'The checkpoint has {num_joints} joints; known are {sorted(_LAYOUTS)}: it is of another skeleton layout.'
        )
    layout, num_persons = _LAYOUTS[num_joints]
    return dict(layout=layout, num_persons=num_persons)


def _stack(weights: Weights, owner: str, outer: str = '2') -> dict:
    width, ffn_channels = weights[f'{owner}.blocks.0.ffn.{outer}.weight'].shape
    numbers = {name.removeprefix(f'{owner}.blocks.').split('.')[0] for name in weights if f'{owner}.blocks.' in name}
    return dict(width=width, num_layers=len(numbers), num_heads=_NUM_HEADS, ffn_channels=ffn_channels)


def _backbone(weights: Weights) -> dict:
    segment_length = weights[f'{_ENCODER}.embedding.weight'].shape[1] // 3
    return dict(
        type='SkeletonTransformer',
        num_frames=len(weights[f'{_ENCODER}.time_positions']) * segment_length,
        segment_length=segment_length,
        **_stack(weights, _ENCODER),
    )


def _decoder(weights: Weights) -> dict:
    return dict(type='TokenDecoder', **_stack(weights, _DECODER))


def _heads_remark(model: dict) -> str:
    return f'Heads are not in the checkpoint: {_NUM_HEADS}, those of the paper (backbone.num_heads=...).'
