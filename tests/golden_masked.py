"""Recordings of the official programs of masked methods, and our models with their weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from golden import DATA, to_view
from torch import Tensor

from mmskelssl.registry import MODELS

_PARTS = {
    'temp_embed': 'time_positions',
    'pos_embed': 'joint_positions',
    'joints_embed.proj': 'embedding',
    'attn.': 'attention.',
    'mlp.fc1': 'ffn.0',
    'mlp.fc2': 'ffn.2',
    'decoder_embed': 'embedding',
    'decoder_pred': 'predict',
    'decoder_': '',
}


def recordings(method: str) -> list:
    """The slice of a method, and the whole recordings in the shared folder, as parameters of a test."""
    folder = Path(os.environ.get('MMSKELSSL_SHARED', '')) / 'golden'
    whole = sorted(folder.glob(f'{method}*.pt')) or [folder / f'{method}.pt']
    slices = [pytest.param(DATA / f'golden_{method}.pt', id='slice')]
    return slices + [pytest.param(path, id=path.stem, marks=pytest.mark.shared) for path in whole]


def load(path: Path) -> dict:
    return torch.load(path, torch.get_default_device(), weights_only=True)


def skeleton(num_joints: int) -> dict:
    """A layout of so many joints; how they hang together makes no difference to tokens."""
    return dict(name='recorded', joints=[f'joint {v}' for v in range(num_joints)], parents=[0] * num_joints, center=0)


def renamed(official: dict, encoder: str, decoder: str = '') -> dict:
    """Official names, or weights, as ours: below ``encoder``, what is named after the decoder below ``decoder``."""
    out = {}
    for key, value in official.items():
        of_decoder = key.startswith(('decoder_', 'mask_token'))
        name = key
        for theirs, ours in _PARTS.items():
            name = name.replace(theirs, ours, 1)
        out[f'{decoder if of_decoder else encoder}.{name}'] = _reshaped(key, value) if value.ndim else value
    return out


def _reshaped(key: str, value: Tensor) -> Tensor:
    if key.endswith('_embed') or key == 'mask_token':
        return value.flatten(0, -2)
    return value.squeeze(-1).transpose(1, 2).flatten(1) if value.ndim == 4 else value


def masked_model(golden: dict, run: dict, kind: str = 'MAMP', **options) -> torch.nn.Module:
    """MAMP with the weights and settings of a run of a recording."""
    sizes, said = golden['config'], run['options']
    moves = 'motion_aware_tau' in said
    model = MODELS.build(
        dict(
            type=kind,
            backbone=dict(
                type='SkeletonTransformer',
                num_frames=sizes['num_frames'],
                segment_length=sizes['t_patch_size'],
                width=sizes['dim_feat'],
                num_layers=sizes['depth'],
                num_heads=sizes['num_heads'],
                ffn_channels=int(sizes['mlp_ratio'] * sizes['dim_feat']),
            ),
            decoder=dict(
                type='TokenDecoder',
                width=sizes['decoder_dim_feat'],
                num_layers=sizes['decoder_depth'],
                num_heads=sizes['num_heads'],
                ffn_channels=int(sizes['mlp_ratio'] * sizes['decoder_dim_feat']),
            ),
            layout=skeleton(sizes['num_joints']),
            num_persons=sizes['num_persons'],
            mask_ratio=said['mask_ratio'],
            mask_temperature=max(said.get('motion_aware_tau', 0), 0),
            target='motion' if moves else 'joint',
            motion_stride=said.get('motion_stride', 1),
            normalize='segment' if run['normalized'] else None,
        )
        | options
    )
    weights = renamed(golden['official_state_dict'], 'encoder.joint.backbone', 'decoder.joint')
    model.load_state_dict(weights)
    return model


def view_of(golden: dict) -> Tensor:
    """(N, M, T, V, C)."""
    return to_view(golden['inputs'])


def assert_gradient_norms(model: torch.nn.Module, official: dict[str, float], absolute: float = 0.0) -> None:
    """Of all parameters that learn, given by our names."""
    gradients = {name: p.grad.norm().item() for name, p in model.named_parameters() if p.grad is not None}
    assert gradients.keys() == official.keys()
    for name, norm in official.items():
        assert gradients[name] == pytest.approx(float(norm), rel=1e-4, abs=absolute), name


def stars_model(golden: dict, num_neighbors: int, **options) -> torch.nn.Module:
    """STARS with the weights, sizes and bank of a recording."""
    sizes, weights = golden['config'], golden['official_state_dict']
    model = MODELS.build(
        dict(
            type='STARS',
            backbone=dict(
                type='SkeletonTransformer',
                num_frames=sizes['num_frames'],
                segment_length=sizes['t_patch_size'],
                width=sizes['dim_feat'],
                num_layers=sizes['depth'],
                num_heads=sizes['num_heads'],
                ffn_channels=int(sizes['mlp_ratio'] * sizes['dim_feat']),
                in_channels=sizes['dim_in'],
            ),
            layout=skeleton(sizes['num_joints']),
            num_persons=sizes['num_persons'],
            predictor_channels=sizes['predictor_hidden_dim'],
            queue_size=sizes['queue_size'],
            temperature=sizes['temperature'],
            num_neighbors=num_neighbors,
        )
        | options
    )
    encoder = {key: value for key, value in weights.items() if not key.startswith('queue')}
    bank = {
        'bank.field_joint': weights['queue'].T,
        'bank.field_clip': weights['queue_id'][:, None],
        'bank.pointer': weights['queue_ptr'].squeeze(),
    }
    model.load_state_dict(stars_names(encoder) | bank)
    return model


def stars_names(official: dict) -> dict:
    """Official names of encoder and heads, or weights, as ours."""
    out = {}
    for key, value in official.items():
        name = key.removeprefix('encoder_student.')
        part, _, rest = name.removeprefix('head.').partition('.')
        if not name.startswith('head.'):
            out |= renamed({name: value}, 'encoder.joint.backbone')
        elif part == 'projector':
            out[f'projector.joint.{rest.removeprefix("0.")}'] = value
        else:
            out[f'predictor.joint.{rest}'] = value
    return out


_LATENT_PARTS = {
    'auto_encoder.': '',
    'ema.model.': '',
    'encoder_embedding.projection.1': 'embedding',
    'encoder_embedding.': '',
    'encoder.layers': 'blocks',
    'encoder_norm': 'norm',
    'spatio_pos_emb': 'joint_positions',
    'temporal_pos_emb': 'time_positions',
    'attn.': 'attention.',
    'gamma_1': 'scale1.gamma',
    'gamma_2': 'scale2.gamma',
    'mlp.fc1': 'ffn.0',
    'mlp.fc2': 'ffn.2',
    'decoder.layers': 'blocks',
    'mask_token_emb': 'mask_token',
    'decoder_embedding': 'embedding',
    'decoder_head': 'predict',
    'decoder_': '',
}


def latent_names(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """Official names of Skeleton2vec, or weights, as ours, with queries, keys and values still apart."""
    out = {}
    for key, value in official.items():
        is_teacher = key.startswith('ema.')
        of_decoder = '.decoder' in key or key.endswith(('encoder.mask_token_emb', 'model.mask_token_emb'))
        if key.endswith('encoder_embedding.mask_token_emb') or (is_teacher and of_decoder):
            continue  # the program does not use them
        name = key
        for theirs, ours in _LATENT_PARTS.items():
            name = name.replace(theirs, ours, 1)
        owner = 'decoder.joint' if of_decoder else f'encoder{"_k" * is_teacher}.joint.backbone'
        out[f'{owner}.{name}'] = _latent_reshaped(key, value) if value.ndim else value
    return out


def _latent_reshaped(key: str, value: Tensor) -> Tensor:
    if key.endswith('pos_emb'):
        return value.flatten(2)[0].T
    if key.endswith('mask_token_emb'):
        return value.flatten(0, -2)
    return value.squeeze(-1).transpose(1, 2).flatten(1) if value.ndim == 4 else value


def with_joint_projections(weights: dict[str, Tensor], join: Callable) -> dict[str, Tensor]:
    """Weights, or norms, of queries, keys and values put together by a function of the three."""
    out = {}
    for key, value in weights.items():
        for place, part in enumerate(('queries', 'keys', 'values')):
            if f'.{part}.' in key:
                out.setdefault(key.replace(part, 'qkv'), [None] * 3)[place] = value
                break
        else:
            out[key] = value
    return {key: join(value) if isinstance(value, list) else value for key, value in out.items()}


def latent_model(golden: dict, run: dict, **options) -> torch.nn.Module:
    """Skeleton2vec with the weights and settings of a run of a recording."""
    sizes = golden['config']
    layers = dict(num_heads=sizes['num_heads'], layer_scale=sizes['layer_scale_init_value'])
    table = golden['official_state_dict']['auto_encoder.encoder_embedding.temporal_pos_emb']
    model = MODELS.build(
        dict(
            type='Skeleton2vec',
            backbone=dict(
                type='SkeletonTransformer',
                num_frames=table.shape[2] * sizes['temporal_segment_size'],
                segment_length=sizes['temporal_segment_size'],
                width=sizes['encoder_emb_size'],
                num_layers=sizes['encoder_depth'],
                norm_eps=1e-6,
                in_channels=sizes['in_channels'],
                **layers,
            ),
            decoder=dict(
                type='TokenDecoder',
                width=sizes['decoder_emb_size'],
                num_layers=sizes['decoder_depth'],
                norm_eps=1e-6,
                **layers,
            ),
            layout=skeleton(sizes['spatio_size']),
            num_persons=sizes['num_persons'],
            mask_ratio=sizes['mask_ratio'],
            mask_temperature=0.0,
            num_target_layers=sizes['average_top_k_layers'],
            tube_length=sizes['tube_len'] if run['strategy'] == 'tube' else 1,
        )
        | options
    )
    model.load_state_dict(with_joint_projections(latent_names(golden['official_state_dict']), torch.cat))
    return model


def slim_names(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """Official names of SLiM, or weights, as ours; class token and positions, which we add up, are still apart."""
    parts = {
        'attn.': 'attention.',
        'mlp.w12': 'ffn.inner',
        'mlp.w3': 'ffn.outer',
        'patch_embed.proj': 'embedding',
        'register_tokens': 'registers',
        'last_layer.weight_g': 'gains',
        'last_layer.weight_v': 'directions',
        'backbone.': '',
        'dino_head.': '',
        'ibot_head.': '',
    }
    out = {}
    for key, value in official.items():
        role, _, name = key.partition('.')
        owner = f'encoder{"_k" * (role == "teacher")}.joint.'
        of_head = name.startswith(('dino_head', 'ibot_head'))
        owner += f'neck.{"clip" if name.startswith("dino") else "token"}' if of_head else 'backbone'
        for theirs, ours in parts.items():
            name = name.replace(theirs, ours, 1)
        out[f'{owner}.{name}'] = value
    return out


def slim_weights(official: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as ours; the centres of targets are left out."""
    named = slim_names({key: value for key, value in official.items() if 'center' not in key})
    out = {}
    for key, value in named.items():
        owner, _, name = key.rpartition('.')
        if name == 'pos_embed':
            out[f'{owner}.class_token'] = named[f'{owner}.cls_token'][0] + value[0, :1]
            out[f'{owner}.joint_positions'] = value[0, 1:]
        elif name != 'cls_token':
            value = value[0] if name == 'registers' else value
            out[key] = value.squeeze(-1).transpose(1, 2).flatten(1) if value.ndim == 4 else value
    return out


def slim_model(golden: dict, assignment: str = 'sinkhorn', num_views: int = 8, **options) -> torch.nn.Module:
    """SLiM with the weights and sizes of a recording."""
    sizes, head = golden['config'], golden['config']['head']
    neck = dict(
        type='PrototypeNeck',
        out_channels=head['head_n_prototypes'],
        num_layers=head['head_nlayers'],
        hidden_channels=head['head_hidden_dim'],
        bottleneck_channels=head['head_bottleneck_dim'],
    )
    groups = {f'group {number}': joints for number, joints in enumerate(sizes['joint_groups'])}
    model = MODELS.build(
        dict(
            type='SLiM',
            backbone=dict(
                type='ClassTokenTransformer',
                num_frames=sizes['num_frames'],
                segment_length=sizes['segment'],
                width=sizes['embed_dim'],
                num_layers=sizes['depth'],
                num_heads=sizes['num_heads'],
                num_registers=sizes['num_registers'],
            ),
            neck=dict(clip=neck, token=neck),
            layout=dict(skeleton(sizes['num_joints']), groups=groups),
            num_persons=1,
            num_views=num_views,
            teacher_temperature=sizes['teacher_temperature'],
            warmup_epochs=0,
            student_temperature=sizes['student_temperature'],
            koleo_weight=sizes['koleo_weight'],
            assignment=assignment,
        )
        | options
    )
    weights = slim_weights(golden['official_state_dict'])
    if assignment == 'centering':
        centers = dict(clip='dino_loss', token='ibot_patch_loss')
        weights |= {
            f'to_targets.joint_{ours}.center': golden['official_state_dict'][f'{theirs}.center'].flatten()
            for ours, theirs in centers.items()
        }
    model.load_state_dict(weights)
    return model


def slim_views(golden: dict) -> tuple[list[Tensor], list[Tensor]]:
    """Views (N, M, T, V, C), the long ones first, and which of their tokens are hidden."""
    inputs = golden['inputs']
    number = len(inputs['collated_global_crops']) // 2
    short = sorted((key for key in inputs if key.startswith('local_crops')), key=lambda key: -int(key.split('_')[-1]))
    views, hidden = [], []
    for key, mask in [('collated_global_crops', 'collated_masks')] + [(k, k.replace('crops', 'masks')) for k in short]:
        views += to_view(inputs[key]).split(number)
        hidden += inputs[mask].split(number)
    return views, hidden
