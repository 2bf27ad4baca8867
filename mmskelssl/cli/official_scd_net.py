"""Checkpoints of the program of SCD-Net."""

from __future__ import annotations

import re

import torch

from mmskelssl.cli.official_encoders import Weights
from mmskelssl.cli.official_names import rename
from mmskelssl.utils.errors import CheckpointError

_FORMS = dict(t='temporal', s='spatial')
_ENTITIES = _FORMS | dict(i='instance')
_ROLES = dict(encoder_q='encoder', encoder_k='encoder_k')
_CONVOLUTIONS = dict(conv1='theta', conv2='phi', conv3='mix', conv4='refine')
_NUM_JOINTS, _NUM_COORDS = 25, 3


def rename_scd_net(encoder: Weights) -> Weights:
    """An encoder with its heads. The convolutions of a graph's three subsets become one each, of the same value."""
    weights = dict(encoder)
    for name in [name for name in weights if '.convs.0.' in name]:
        weights[name.replace('.convs.0.', '.')] = torch.cat(
            [weights.pop(name.replace('.convs.0.', f'.convs.{subset}.')) for subset in range(3)]
        )
    weights = {re.sub(r'\.l(\d+)\.', lambda m: f'.l{int(m[1]) - 1}.', name): value for name, value in weights.items()}
    patterns = {rf'{e}_proj\.(.+)': rf'neck.{entity}.\1' for e, entity in _ENTITIES.items()}
    for f, form in _FORMS.items():
        theirs, ours = rf'encoder\.gcn_{f}\.l(\d+)\.', rf'backbone.graphs.{form}.blocks.\1.'
        patterns |= {
            rf'encoder\.channel_{f}\.(.+)': rf'backbone.embedding.{form}.\1',
            rf'encoder\.{f}_encoder\.layers\.(.+)': rf'backbone.layers.{form}.\1',
            rf'encoder\.gcn_{f}\.data_bn\.(.+)': rf'backbone.graphs.{form}.input_norm.\1',
            rf'{theirs}gcn1\.PA': f'{ours}gcn.graph',
            rf'{theirs}gcn1\.alpha': f'{ours}gcn.alpha',
            rf'{theirs}gcn1\.down\.(.+)': rf'{ours}gcn.down.\2',
            rf'{theirs}gcn1\.bn\.(.+)': rf'{ours}gcn.norm.\2',
            **{rf'{theirs}gcn1\.{conv}\.(.+)': rf'{ours}gcn.{name}.\2' for conv, name in _CONVOLUTIONS.items()},
            rf'{theirs}tcn1\.branches\.(\d)\.3\.conv\.(.+)': rf'{ours}tcn.branches.\2.3.\3',
            rf'{theirs}tcn1\.branches\.(\d)\.3\.bn\.(.+)': rf'{ours}tcn.branches.\2.4.\3',
            rf'{theirs}tcn1\.branches\.(\d\.\d)\.(.+)': rf'{ours}tcn.branches.\2.\3',
            rf'{theirs}residual\.conv\.(.+)': rf'{ours}residual.0.\2',
            rf'{theirs}residual\.bn\.(.+)': rf'{ours}residual.1.\2',
        }
    return rename(weights, patterns)


def convert_scd_net(weights: Weights) -> tuple[Weights, dict, list[str]]:
    """State dict, the model's config and a remark. The number of heads is not in the weights: it is the program's."""
    others = dict(weights)
    converted: Weights = {}
    for role, ours in _ROLES.items():
        encoder = {key.removeprefix(f'{role}.'): others.pop(key) for key in weights if key.startswith(f'{role}.')}
        converted |= {f'{ours}.joint.{name}': value for name, value in rename_scd_net(encoder).items()}
    for e, entity in _ENTITIES.items():
        converted[f'bank.field_joint_{entity}'] = others.pop(f'{e}_queue').T.contiguous()
    pointers = {entity: int(others.pop(f'{e}_queue_ptr')) for e, entity in _ENTITIES.items()}
    if others:
        raise CheckpointError(f'Unknown key {next(iter(others))} in the official checkpoint.')
    if len(set(pointers.values())) > 1:
        raise CheckpointError(f'The queues of the checkpoint are out of step: pointers {pointers}.')
    converted['bank.pointer'] = torch.tensor(pointers['instance'])
    sizes, num_persons = _sizes(converted, 'encoder.joint.backbone.')
    bank = converted['bank.field_joint_instance']
    model = dict(
        type='SCDNet',
        backbone=dict(type='DecoupledEncoder', **sizes),
        neck={form: dict(type='ProjectionNeck', pooling=form) for form in _FORMS.values()}
        | dict(instance=dict(type='ProjectionNeck', hidden_channels=sizes['width'])),
        layout='ntu25',
        num_persons=num_persons,
        queue_size=len(bank),
        feat_dim=bank.shape[1],
    )
    remark = (
        'The checkpoint does not say its modality, so it is taken for joint: add --cfg-options '
        'streams.joint.modality=bone, or motion, if it is another.'
    )
    return converted, model, [remark]


def _sizes(weights: Weights, backbone: str) -> tuple[dict[str, int], int]:
    """Sizes of the encoder below a prefix, and persons."""
    graph = f'{backbone}graphs.temporal.'
    num_joints = weights[f'{graph}blocks.0.gcn.graph'].shape[-1]
    if num_joints != _NUM_JOINTS:
        raise CheckpointError(f'The checkpoint has {num_joints} joints instead of {_NUM_JOINTS}: another layout.')
    gcn_channels = len(weights[f'{graph}blocks.0.gcn.norm.weight'])
    layers = f'{backbone}layers.temporal.'
    sizes = dict(
        num_frames=weights[f'{backbone}embedding.spatial.0.weight'].shape[1] // gcn_channels,
        gcn_channels=gcn_channels,
        width=len(weights[f'{backbone}embedding.temporal.0.weight']),
        num_layers=len({name.removeprefix(layers).split('.')[0] for name in weights if name.startswith(layers)}),
        ffn_channels=len(weights[f'{layers}0.linear1.weight']),
    )
    return sizes, len(weights[f'{graph}input_norm.weight']) // (_NUM_JOINTS * _NUM_COORDS)
