"""Checkpoints of PCM³."""

from __future__ import annotations

from mmskelssl.cli.official_encoders import Weights, gru_backbone, projection, rename_gru
from mmskelssl.utils.errors import CheckpointError

_ENCODERS = {'encoder_q.': 'encoder.joint.', 'encoder_k.': 'encoder_k.joint.'}
_DECODER = {'linear.': 'embedding.', 'recons_decoder.decoder.': 'gru.', 'recons_decoder.reconstruction.': 'predict.'}
FEATURE_PROMPTS = dict(cl_prompt='contrast', mp_prompt='prediction')
VIEW_PROMPTS = dict(base_prompt='query', mask_prompt='masked', recons_prompt='reconstructed', mix_prompt='mixed')
_BANK = ('queue', 'queue_ptr')


def convert_pcm3(weights: Weights) -> tuple[Weights, dict, list[str]]:
    """The state dict, the config of the model with prompts, which all its checkpoints have, and a remark."""
    known = (*_ENCODERS, *_DECODER, *FEATURE_PROMPTS, *VIEW_PROMPTS, *_BANK)
    if unknown := [name for name in weights if not name.startswith(known)]:
        raise CheckpointError(f'Unknown key {unknown[0]} in the official checkpoint.')
    encoders = {ours: rename_gru(_below(weights, theirs)) for theirs, ours in _ENCODERS.items()}
    backbone, num_persons = gru_backbone(encoders['encoder.joint.'])
    parts = encoders | {
        'decoder.joint.': rename_decoder(weights),
        'prompts.joint.': rename_prompts(weights, num_persons),
        'bank.': dict(field_joint=weights['queue'].T.contiguous(), pointer=weights['queue_ptr'].reshape(())),
    }
    converted = {f'{prefix}{name}': value for prefix, part in parts.items() for name, value in part.items()}
    model = dict(
        type='PCM3',
        backbone=backbone,
        neck=projection(converted, 'encoder.joint.neck.'),
        decoder=dict(type='FrameDecoder', width=converted['decoder.joint.predict.weight'].shape[1]),
        prompt_channels=converted['prompts.joint.feature.contrast'].numel(),
        layout='ntu25',
        num_persons=num_persons,
        queue_size=weights['queue'].shape[1],
        feat_dim=weights['queue'].shape[0],
    )
    remark = (
        'The checkpoint does not say its modality, so it is taken for joint: add --cfg-options '
        'streams.joint.modality=bone, or motion, if it is another.'
    )
    return converted, model, [remark]


def rename_decoder(weights: Weights) -> Weights:
    """The decoder in a checkpoint."""
    return {
        f'{ours}{name}': value for theirs, ours in _DECODER.items() for name, value in _below(weights, theirs).items()
    }


def rename_prompts(weights: Weights, num_persons: int, num_joints: int = 25) -> Weights:
    """The prompts in a checkpoint, whose frames are ordered joint, coordinate, person."""
    frames = {ours: weights[name].reshape(num_joints, -1, num_persons) for name, ours in VIEW_PROMPTS.items()}
    of_views = {f'view.{name}': x.permute(2, 0, 1)[:, None].contiguous() for name, x in frames.items()}
    return of_views | {f'feature.{ours}': weights[name].flatten() for name, ours in FEATURE_PROMPTS.items()}


def _below(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
