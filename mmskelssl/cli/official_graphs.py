"""Checkpoints of the programs on graph encoders that have names of their own: ISC and PSTL."""

from __future__ import annotations

import torch

from mmskelssl.cli.official_encoders import (
    Weights,
    agcn_backbone,
    gru_backbone,
    projection,
    rename_agcn,
    rename_gru,
    rename_stgcn,
    stgcn_backbone,
)
from mmskelssl.utils.errors import CheckpointError

# ISC's roles and the streams that they belong to.
_ISC_ROLES = {
    'encoder_q': ('encoder', 'seq'),
    'encoder_k': ('encoder_k', 'seq'),
    'encoder_r': ('encoder', 'graph'),
    'encoder_l': ('encoder_k', 'graph'),
}
_ISC_QUEUES = dict(Queue_S1='seq', Queue_S2='graph')


def convert_isc(weights: Weights) -> tuple[Weights, dict, list[str]]:
    """The state dict and the config of ISC's model of the pair sequence and graph, and remarks."""
    converted: Weights = {}
    others = dict(weights)
    for role, (ours, stream) in _ISC_ROLES.items():
        encoder = {key.removeprefix(f'{role}.'): others.pop(key) for key in weights if key.startswith(f'{role}.')}
        renamed = rename_gru(encoder) if stream == 'seq' else rename_agcn(encoder)
        converted |= {f'{ours}.{stream}.{name}': value for name, value in renamed.items()}
    converted |= {f'bank.field_{stream}': others.pop(name).T.contiguous() for name, stream in _ISC_QUEUES.items()}
    pointers = {name: int(others.pop(f'queue_ptr_{name.removeprefix("Queue_")}')) for name in _ISC_QUEUES}
    if others:
        raise CheckpointError(f'Unknown key {next(iter(others))} in the official checkpoint.')
    if len(set(pointers.values())) > 1:
        raise CheckpointError(f'The queues of the checkpoint are out of step: pointers {pointers}.')
    converted['bank.pointer'] = torch.tensor(pointers['Queue_S1'])
    sequence, num_persons = gru_backbone(_below(converted, 'encoder.seq.'), input_norm=False)
    graph, _ = agcn_backbone(_below(converted, 'encoder.graph.'))
    bank = converted['bank.field_seq']
    model = dict(
        type='ISC',
        backbone=sequence,
        neck=projection(converted, 'encoder.seq.neck.'),
        streams=dict(seq=dict(modality='joint'), graph=dict(modality='joint', backbone=graph)),
        layout='ntu25',
        num_persons=num_persons,
        queue_size=len(bank),
        feat_dim=bank.shape[1],
    )
    return converted, model, []


def convert_pstl(weights: Weights) -> tuple[Weights, dict, list[str]]:
    """The state dict and the config of PSTL's model, and remarks; the program saves the encoder alone."""
    has_projector = 'A' not in weights
    encoder = rename_stgcn(_below(weights, 'encoder.') if has_projector else weights)
    backbone, num_persons = stgcn_backbone(encoder)
    # The normalization behind the projector has no weights, and its averages are not used.
    projector = _below(weights, 'head.projector.')
    encoder |= {f'neck.{name}': value for name, value in projector.items()}
    converted = {f'encoder.joint.{name}': value for name, value in encoder.items()}
    model = dict(type='PSTL', backbone=backbone, modalities=['joint'], layout='ntu25', num_persons=num_persons)
    if not projector:
        remark = 'The program saves the encoder alone: the model has no projector, and is not one to train on with.'
        return converted, model | dict(neck=None), [remark]
    first, *_, last = (value for value in projector.values() if value.ndim == 2)
    neck = projection(converted, 'encoder.joint.neck.') | dict(hidden_channels=len(first))
    return converted, model | dict(neck=neck, feat_dim=len(last)), []


def _below(weights: Weights, prefix: str) -> Weights:
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
