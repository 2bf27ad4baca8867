"""Checkpoints of the official programs in this toolbox's terms.

Pure renaming: every number of an official checkpoint is kept, so a converted model gives the official losses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from mmskelssl.cli.official_names import rename
from mmskelssl.cli.official_transformers import convert_umurl, convert_usdrl
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.models import SelfSupervised
from mmskelssl.models.backbones.graph import directed_partition
from mmskelssl.registry import MODELS
from mmskelssl.utils.checkpoints import check_weights
from mmskelssl.utils.errors import CheckpointError

Weights = dict[str, Tensor]

_MODALITY_OF_SUFFIX = {'': 'joint', '_motion': 'motion', '_bone': 'bone'}
_ENCODER = re.compile(r'encoder_(?P<role>[qkp])(?P<suffix>|_motion|_bone)\.(?P<name>.+)')
_QUEUE = re.compile(r'queue(?P<suffix>|_motion|_bone)(?P<role>|_k|_p)')
_POINTER = re.compile(r'queue_ptr(?P<suffix>|_motion|_bone)(?P<role>|_k|_p)')
_OURS = dict(encoder_q='encoder', encoder_k='encoder_k', encoder_p='encoder_p')
_NUM_JOINTS, _NUM_COORDS = 25, 3
# Programs without the names of the others: what only their keys begin with, and what converts them.
_OF_THEIR_OWN = dict(umurl=('backbone.j_emb.', convert_umurl), usdrl=('backbone.ske_emb.', convert_usdrl))
METHODS = ('cmd', 'crossclr', 'mmcv_mutual', *_OF_THEIR_OWN)


def convert_official(method: str, weights: Mapping[str, Tensor]) -> tuple[Weights, dict, list[str]]:
    """Converts an official state dict.

    Args:
        method: One of :data:`METHODS`.
        weights: The official ``state_dict``.

    Returns:
        The state dict of the model, the config that builds it (sizes inferred from the weights, the paper's recipe for
        the rest), and remarks on what was found.

    Raises:
        CheckpointError: If the weights are not those of the method.
    """
    weights = {key.removeprefix('module.'): value for key, value in weights.items()}
    if own := _of_its_own(method, weights):
        return own
    encoders, others = _split(weights)
    if ('encoder_q', 'joint') not in encoders:
        raise CheckpointError(
            f'This is not a checkpoint of {method}: it has no encoder_q. It has {sorted(weights)[:5]} ...'
        )
    first = encoders['encoder_q', 'joint']
    family = next((names for prefix, names in _FAMILIES.items() if any(n.startswith(prefix) for n in first)), None)
    if family is None:
        raise CheckpointError(f'The encoder is not one that is known here. It has {sorted(first)[:5]} ...')
    has_second = any(role == 'encoder_p' for role, _ in encoders)
    found = 'crossclr' if family is _STGCN else 'mmcv_mutual' if has_second else 'cmd'
    if found != method:
        raise CheckpointError(f'This is a checkpoint of {found}, not of {method}: convert it as {found}.')

    rename, infer_backbone = family
    try:
        renamed = {owner: rename(encoder) for owner, encoder in encoders.items()}
        backbone, num_persons = infer_backbone(renamed['encoder_q', 'joint'])
    except KeyError as error:
        raise CheckpointError(f'The checkpoint is incomplete: an encoder lacks {error.args[0]}.') from error
    converted = {
        f'{_OURS[role]}.{modality}.{name}': value
        for (role, modality), encoder in renamed.items()
        for name, value in encoder.items()
    }
    converted |= _queues(others)

    modalities = [modality for role, modality in encoders if role == 'encoder_q']
    necks = {a: _neck(converted, f'encoder.{a}.neck.') for a in modalities}
    model: dict[str, Any] = dict(
        type={'cmd': 'CMD', 'crossclr': 'CrosSCLR', 'mmcv_mutual': 'MMCVMutual'}[method],
        backbone=backbone,
        neck=necks['joint'],
        modalities=modalities,
        layout='ntu25',
        num_persons=num_persons,
        queue_size=len(converted['bank.field_joint']),
        feat_dim=converted['bank.field_joint'].shape[1],
    )
    if len({neck['num_layers'] for neck in necks.values()}) > 1:
        model['streams'] = {a: dict(modality=a, neck=neck) for a, neck in necks.items()}
    if method != 'crossclr':
        model['num_neighbors'] = min(8192, model['queue_size'])
    remarks = []
    deeper = [a for a, neck in necks.items() if neck['num_layers'] > necks['joint']['num_layers']]
    if deeper:
        remarks.append(
            f"The heads of {deeper} wrap the joint head and share its layers (a quirk of the program's `mlp`). They "
            'are converted with copies of the shared layers: the numbers are the same, but training on moves them '
            'apart.'
        )
    return converted, model, remarks


def build_converted(weights: Mapping[str, Tensor], model: dict, what: str) -> SelfSupervised:
    """Builds the converted model and loads its weights, refusing missing and extra keys.

    Raises:
        CheckpointError: If the weights are not exactly those of the model.
    """
    built = MODELS.build(model)
    check_weights(weights, built, what)
    built.load_state_dict(weights)
    return built


def _of_its_own(method: str, weights: Weights) -> tuple[Weights, dict, list[str]] | None:
    signs = {name: sign for name, (sign, _) in _OF_THEIR_OWN.items()}
    found = next((name for name, sign in signs.items() if any(key.startswith(sign) for key in weights)), None)
    if found != method and found:
        raise CheckpointError(f'This is a checkpoint of {found}, not of {method}: convert it as {found}.')
    if method not in signs:
        return None
    if not found:
        raise CheckpointError(
            f'This is not a checkpoint of {method}: it has no {signs[method]}*. It has {sorted(weights)[:5]} ...'
        )
    try:
        return _OF_THEIR_OWN[method][1](weights)
    except KeyError as error:
        raise CheckpointError(f'The checkpoint is incomplete: it lacks {error.args[0]}.') from error


def _split(weights: Weights) -> tuple[dict[tuple[str, str], Weights], Weights]:
    encoders: dict[tuple[str, str], Weights] = {}
    others: Weights = {}
    for key, value in weights.items():
        if match := _ENCODER.fullmatch(key):
            owner = f'encoder_{match["role"]}', _MODALITY_OF_SUFFIX[match['suffix']]
            encoders.setdefault(owner, {})[match['name']] = value
        else:
            others[key] = value
    return encoders, others


def _queues(others: Weights) -> Weights:
    converted: Weights = {}
    pointers: dict[str, int] = {}
    for key, value in others.items():
        if match := _QUEUE.fullmatch(key):
            converted[f'bank.field_{_field(match)}'] = value.T.contiguous()
        elif match := _POINTER.fullmatch(key):
            pointers[_field(match)] = int(value)
        else:
            raise CheckpointError(f'Unknown key {key} in the official checkpoint.')
    if 'bank.field_joint' not in converted:
        raise CheckpointError('The checkpoint has no queues: it is not a pre-training checkpoint.')
    queues = {key.removeprefix('bank.field_') for key in converted}
    if queues != set(pointers):
        raise CheckpointError(
            f'The checkpoint is incomplete: it has queues of {sorted(queues)} but pointers of {sorted(pointers)}.'
        )
    if len(set(pointers.values())) > 1:
        raise CheckpointError(f'The queues of the checkpoint are out of step: pointers {pointers}.')
    converted['bank.pointer'] = torch.tensor(pointers['joint'])
    return converted


def _field(match: re.Match) -> str:
    return _MODALITY_OF_SUFFIX[match['suffix']] + ('_p' if match['role'] == '_p' else '')


# A head nested in another (CrosSCLR's quirk) continues the count of layers.
_HEAD = {
    r'fc\.(weight|bias)': r'neck.0.\1',
    r'fc\.(\d)\.(weight|bias)': r'neck.\1.\2',
}


def _flatten_head(encoder: Weights) -> Weights:
    def flat(name: str) -> str:
        match = re.fullmatch(r'fc\.2\.(\d)\.(weight|bias)', name)
        return f'fc.{2 + int(match[1])}.{match[2]}' if match else name

    return {flat(name): value for name, value in encoder.items()}


def rename_gru(encoder: Weights) -> Weights:
    """A BiGRU encoder of CMD or MMCV."""
    return rename(
        encoder,
        {
            r'input_norm\.(.+)': r'backbone.input_norm.\1',
            r'encoder\.gru\.((?:weight|bias)_[ih]h)_l(\d+)': r'backbone.layers.\2.0.\1_l0',
            r'encoder\.gru\.((?:weight|bias)_[ih]h)_l(\d+)_reverse': r'backbone.layers.\2.1.\1_l0',
            **_HEAD,
        },
    )


def _gru_backbone(weights: Weights) -> tuple[dict, int]:
    width = len(weights['backbone.input_norm.weight'])
    num_persons, rest = divmod(width, _NUM_JOINTS * _NUM_COORDS)
    if rest or not num_persons:
        raise CheckpointError(
            f'The checkpoint takes {width} input features, which is not a number of persons with {_NUM_JOINTS} joints: '
            'it is of another skeleton layout.'
        )
    backbone = dict(
        type='BiGRU',
        hidden_channels=weights['backbone.layers.0.0.weight_hh_l0'].shape[1],
        num_layers=len({name.split('.')[2] for name in weights if name.startswith('backbone.layers.')}),
    )
    return backbone, num_persons


def rename_stgcn(encoder: Weights) -> Weights:
    """An ST-GCN encoder of CrosSCLR."""
    adjacency = encoder['A']
    renamed = rename(
        _flatten_head(encoder),
        {
            r'data_bn\.(.+)': r'backbone.input_norm.\1',
            r'st_gcn_networks\.(\d+)\.gcn\.conv\.(.+)': r'backbone.blocks.\1.gcn.\2',
            r'st_gcn_networks\.(\d+)\.((?:tcn|residual)\..+)': r'backbone.blocks.\1.\2',
            r'edge_importance\.(\d+)': r'backbone.blocks.\1.edge_importance',
            **_HEAD,
        },
        drop='A',
    )
    blocks = {name.split('.')[2] for name in renamed if name.startswith('backbone.blocks.')}
    return renamed | {f'backbone.blocks.{block}.adjacency': adjacency for block in blocks}


def _stgcn_backbone(weights: Weights) -> tuple[dict, int]:
    num_joints = weights['backbone.blocks.0.adjacency'].shape[-1]
    if num_joints != _NUM_JOINTS:
        raise CheckpointError(f'The checkpoint has {num_joints} joints instead of {_NUM_JOINTS}: another layout.')
    backbone = dict(
        type='STGCN',
        base_channels=len(weights['backbone.blocks.0.tcn.0.weight']),
        out_channels=len(weights['backbone.blocks.9.tcn.0.weight']),
    )
    return backbone, 2  # the weights are those of any number of persons


def _neck(converted: Weights, prefix: str) -> dict:
    layers = [name for name in converted if name.startswith(prefix) and name.endswith('weight')]
    return dict(type='ProjectionNeck', num_layers=len(layers))


def rename_agcn(encoder: Weights) -> Weights:
    """An AGCN encoder of MMCV or ISC. The convolutions of the three subsets become one each, of the same value."""
    encoder = dict(encoder)
    for name in [name for name in encoder if re.search(r'conv_[abd]\.0\.weight', name)]:
        conv = name.removesuffix('.0.weight')
        weight, bias = ([encoder.pop(f'{conv}.{subset}.{kind}') for subset in range(3)] for kind in ('weight', 'bias'))
        # a and b give a map each for every subset; d adds up what the subsets give.
        is_sum = conv.endswith('conv_d')
        encoder[f'{conv}.weight'] = torch.cat(weight, 1 if is_sum else 0)
        encoder[f'{conv}.bias'] = reduce(torch.add, bias) if is_sum else torch.cat(bias)
    blocks = {match[1] for name in encoder if (match := re.match(r'l(\d+)\.', name))}
    encoder = {re.sub(r'^l(\d+)\.', lambda m: f'l{int(m[1]) - 1}.', name): value for name, value in encoder.items()}
    renamed = rename(
        encoder,
        {
            r'data_bn\.(.+)': r'backbone.input_norm.\1',
            r'l(\d+)\.gcn1\.PA': r'backbone.blocks.\1.gcn.learned',
            r'l(\d+)\.gcn1\.conv_a\.(.+)': r'backbone.blocks.\1.gcn.theta.\2',
            r'l(\d+)\.gcn1\.conv_b\.(.+)': r'backbone.blocks.\1.gcn.phi.\2',
            r'l(\d+)\.gcn1\.conv_d\.(.+)': r'backbone.blocks.\1.gcn.mix.\2',
            r'l(\d+)\.gcn1\.down\.(.+)': r'backbone.blocks.\1.gcn.down.\2',
            r'l(\d+)\.gcn1\.bn\.(.+)': r'backbone.blocks.\1.gcn.norm.\2',
            r'l(\d+)\.tcn1\.conv\.(.+)': r'backbone.blocks.\1.tcn.0.\2',
            r'l(\d+)\.tcn1\.bn\.(.+)': r'backbone.blocks.\1.tcn.1.\2',
            r'l(\d+)\.residual\.conv\.(.+)': r'backbone.blocks.\1.residual.0.\2',
            r'l(\d+)\.residual\.bn\.(.+)': r'backbone.blocks.\1.residual.1.\2',
            **_HEAD,
        },
    )
    # The program rebuilds the fixed graph instead of saving it.
    graph = directed_partition(NTU25)
    return renamed | {f'backbone.blocks.{int(block) - 1}.gcn.adjacency': graph for block in blocks}


def _agcn_backbone(weights: Weights) -> tuple[dict, int]:
    num_joints = weights['backbone.blocks.0.gcn.learned'].shape[-1]
    if num_joints != _NUM_JOINTS:
        raise CheckpointError(f'The checkpoint has {num_joints} joints instead of {_NUM_JOINTS}: another layout.')
    num_persons = len(weights['backbone.input_norm.weight']) // (_NUM_JOINTS * _NUM_COORDS)
    return dict(type='AGCN', base_channels=len(weights['backbone.blocks.0.tcn.0.weight'])), num_persons


_Family = tuple[Callable[[Weights], Weights], Callable[[Weights], tuple[dict, int]]]
_GRU: _Family = rename_gru, _gru_backbone
_STGCN: _Family = rename_stgcn, _stgcn_backbone
_AGCN: _Family = rename_agcn, _agcn_backbone
# By the beginning of a name that only this family of encoders has.
_FAMILIES = {'encoder.gru.': _GRU, 'st_gcn_networks.': _STGCN, 'l1.gcn1.': _AGCN}
