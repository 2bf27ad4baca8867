"""Checkpoints of the programs whose encoders read tokens of frames and tokens of joints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmskelssl.cli.official_names import rename
from mmskelssl.utils.errors import CheckpointError

_FORMS = dict(t='temporal', s='spatial')
_MODALITIES = dict(j='joint', b='bone', m='motion')
_NUM_JOINTS, _NUM_COORDS = 25, 3
_PROJECTOR = dict(type='ProjectionNeck', num_layers=3, batch_norm=True, bias=True)


def convert_umurl(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict]:
    """The state dict and the config of the model. The number of heads is not in the weights: it is the paper's, 1."""
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
    return converted, dict(
        type='UmURL',
        streams=dict(fused=dict(modality='joint')),
        backbone=dict(type='UnifiedSTTR', modalities=[*_MODALITIES.values()], **sizes),
        neck=dict.fromkeys(_MODALITIES.values(), _PROJECTOR),
        layout='ntu25',
        num_persons=num_persons,
        feat_dim=len(converted['encoder.fused.neck.joint.6.weight']),
    )


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
