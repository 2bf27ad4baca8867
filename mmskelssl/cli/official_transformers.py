"""Checkpoints of the programs whose encoders read tokens of frames and tokens of joints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmskelssl.cli.official_names import rename
from mmskelssl.utils.errors import CheckpointError

_FORMS = dict(t='temporal', s='spatial')
_MODALITIES = dict(j='joint', b='bone', m='motion')
_LEVELS = dict(temporal=0.5, spatial=0.5, instance=1.0)
_DENSE_LAYER = {
    r'CA\.attn\.(.+)': r'attention.\1',
    r'CA\.conv1\.(.+)': r'convolutional.convolution.\1',
    **{
        pattern: target
        for branch, name in dict(CA='convolutional', DSA='dense_shift').items()
        for pattern, target in {
            rf'{branch}\.norm1\.(.+)': rf'{name}.norms.0.\1',
            rf'{branch}\.norm2\.(.+)': rf'{name}.norms.1.\1',
            rf'{branch}\.mlp\.fc1\.(.+)': rf'{name}.feed_forward.0.\1',
            rf'{branch}\.mlp\.fc2\.(.+)': rf'{name}.feed_forward.2.\1',
        }.items()
    },
    r'DSA\.wt1\.(.+)': r'dense_shift.shift.0.\1',
    r'DSA\.wt2\.(.+)': r'dense_shift.shift.2.\1',
}
_NUM_JOINTS, _NUM_COORDS = 25, 3
_PROJECTOR = dict(type='ProjectionNeck', num_layers=3, batch_norm=True, bias=True)


Converted = tuple[dict[str, Tensor], dict, list[str]]


def convert_umurl(weights: Mapping[str, Tensor]) -> Converted:
    """State dict, the model's config, no remarks. The number of heads is not in the weights: it is the program's, 1."""
    forms = {
        pattern: target
        for f, form in _FORMS.items()
        for pattern, target in {
            rf'backbone\.mm_fusion\.{f}_fusion\.0\.weight': f'encoder.fused.backbone.fusion.{form}.weight',
            rf'backbone\.ma_encoder\.{f}_tr\.layers\.(.+)': rf'encoder.fused.backbone.layers.{form}.\1',
        }.items()
    }
    modalities = {
        pattern: target
        for m, modality in _MODALITIES.items()
        for pattern, target in {
            rf'{m}_projector\.(.+)': rf'encoder.fused.neck.{modality}.\1',
            **{
                rf'backbone\.{m}_emb\.{f}_embedding\.(.+)': rf'encoder.fused.backbone.embedding.{modality}.{form}.\1'
                for f, form in _FORMS.items()
            },
        }.items()
    }
    converted = rename(weights, forms | modalities, drop=r'backbone\.ma_encoder\.pe\.pe')
    backbone = 'encoder.fused.backbone.'
    sizes, num_persons = _sizes(converted, f'{backbone}embedding.joint.', f'{backbone}layers.temporal.')
    model = dict(
        type='UmURL',
        streams=dict(fused=dict(modality='joint')),
        backbone=dict(type='UnifiedSTTR', modalities=[*_MODALITIES.values()], **sizes),
        neck=dict.fromkeys(_MODALITIES.values(), _PROJECTOR),
        layout='ntu25',
        num_persons=num_persons,
        feat_dim=len(converted['encoder.fused.neck.joint.6.weight']),
    )
    return converted, model, []


def convert_usdrl(weights: Mapping[str, Tensor]) -> Converted:
    """State dict, the model's config and a remark. Of heads, gap and balance the program's own are taken."""
    backbone = 'encoder.joint.backbone.'
    patterns = {r'backbone\.spe': f'{backbone}joint_positions'}
    for f, form in _FORMS.items():
        layers = rf'{backbone}layers.{form}.'
        patterns |= {rf'backbone\.ske_emb\.{f}_embedding\.(.+)': rf'{backbone}embedding.{form}.\1'}
        patterns |= {rf'backbone\.{f}_tr\.layers\.(.+)': rf'{layers}\1'}
        for number in range(2):
            patterns |= {
                rf'backbone\.{f}_tr{number or ""}\.{theirs}': f'{layers}{number}.{ours}'
                for theirs, ours in _DENSE_LAYER.items()
            }
    patterns |= {rf'{level[0]}_proj\.(.+)': rf'encoder.joint.neck.{level}.\1' for level in _LEVELS}
    # The attention that both branches share is saved under both.
    converted = rename(weights, patterns, drop=r'backbone\.tpe\.pe|.*\.DSA\.attn\..+')
    positions = f'{backbone}joint_positions'
    converted[positions] = converted[positions].squeeze(0)
    sizes, num_persons = _sizes(converted, f'{backbone}embedding.', f'{backbone}layers.temporal.')
    is_dense = any('dense_shift' in name for name in converted)
    model = dict(
        type='USDRL',
        backbone=dict(type='DSTE' if is_dense else 'STTR', **sizes),
        neck={
            level: dict(
                _PROJECTOR,
                **({} if level == 'instance' else dict(pooling=level)),
                hidden_channels=len(converted[f'encoder.joint.neck.{level}.0.weight']),
                out_channels=len(converted[f'encoder.joint.neck.{level}.6.weight']),
            )
            for level in _LEVELS
        },
        level_weights=_LEVELS,
        layout='ntu25',
        num_persons=num_persons,
    )
    remark = (
        'The checkpoint does not say its modality, so it is taken for joint: add --cfg-options '
        'streams.joint.modality=bone, or motion, if it is another.'
    )
    return converted, model, [remark]


def _sizes(weights: Mapping[str, Tensor], embedding: str, layers: str) -> tuple[dict[str, Any], int]:
    """Frames, width, layers and their width, and persons, from the weights below two prefixes."""
    width, of_frame = weights[f'{embedding}temporal.0.weight'].shape
    num_persons, rest = divmod(of_frame, _NUM_JOINTS * _NUM_COORDS)
    if rest or not num_persons:
        raise CheckpointError(
            f'The checkpoint takes {of_frame} numbers a frame, which is not a number of persons with {_NUM_JOINTS} '
            'joints: it is of another skeleton layout.'
        )
    sizes = dict(
        num_frames=weights[f'{embedding}spatial.0.weight'].shape[1] // _NUM_COORDS,
        width=width,
        num_layers=len({name.removeprefix(layers).split('.')[0] for name in weights if name.startswith(layers)}),
    )
    feed_forward = weights.get(f'{layers}0.linear1.weight')
    return sizes if feed_forward is None else dict(sizes, ffn_channels=len(feed_forward)), num_persons
