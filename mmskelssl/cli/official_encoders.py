"""Encoders of official checkpoints under our names, and the configs that their sizes tell."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from mmskelssl.cli.official_names import rename
from mmskelssl.datasets.layouts import NTU25, SkeletonLayout
from mmskelssl.models.backbones.graph import directed_partition
from mmskelssl.utils.errors import CheckpointError

Weights = dict[str, Tensor]

_NUM_JOINTS, _NUM_COORDS = 25, 3

# A head nested in another (CrosSCLR's quirk) continues the count of layers.
_HEAD = {
    r'fc\.(weight|bias)': r'neck.0.\1',
    r'fc\.(\d)\.(weight|bias|running_mean|running_var|num_batches_tracked)': r'neck.\1.\2',
}


def _flatten_head(encoder: Weights) -> Weights:
    def flat(name: str) -> str:
        match = re.fullmatch(r'fc\.2\.(\d)\.(weight|bias)', name)
        return f'fc.{2 + int(match[1])}.{match[2]}' if match else name

    return {flat(name): value for name, value in encoder.items()}


def _counted_from_zero(encoder: Weights) -> Weights:
    return {
        re.sub(r'^edge_importance(\d+)$', lambda m: f'edge_importance.{int(m[1]) - 1}', name): value
        for name, value in encoder.items()
    }


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


def gru_backbone(weights: Weights, input_norm: bool = True) -> tuple[dict, int]:
    """Config of a BiGRU with these weights, and persons."""
    width = weights['backbone.input_norm.weight' if input_norm else 'backbone.layers.0.0.weight_ih_l0'].shape[-1]
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
    backbone |= {} if input_norm else dict(input_norm=False)
    return backbone, num_persons


def rename_stgcn(encoder: Weights) -> Weights:
    """An ST-GCN encoder of CrosSCLR, AimCLR, SkeleMixCLR, PSTL or HiCLR, which counts its edges' weights from 1."""
    adjacency = encoder['A']
    renamed = rename(
        _flatten_head(_counted_from_zero(encoder)),
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


def stgcn_backbone(weights: Weights) -> tuple[dict, int]:
    """Config of an ST-GCN with these weights, and persons."""
    num_joints = weights['backbone.blocks.0.adjacency'].shape[-1]
    if num_joints != _NUM_JOINTS:
        raise CheckpointError(f'The checkpoint has {num_joints} joints instead of {_NUM_JOINTS}: another layout.')
    backbone = dict(
        type='STGCN',
        base_channels=len(weights['backbone.blocks.0.tcn.0.weight']),
        out_channels=len(weights['backbone.blocks.9.tcn.0.weight']),
    )
    if torch.allclose(weights['backbone.blocks.0.adjacency'].float(), directed_partition(NTU25)):
        backbone |= dict(partition='directed')
    return backbone, 2  # the weights are those of any number of persons


def projection(converted: Weights, prefix: str) -> dict:
    """The config of the neck whose weights are below a prefix."""
    neck = {name.removeprefix(prefix): value for name, value in converted.items() if name.startswith(prefix)}
    layers = {name.partition('.')[0] for name, value in neck.items() if value.ndim == 2}
    config: dict[str, Any] = dict(type='ProjectionNeck', num_layers=len(layers))
    if any(name.endswith('running_mean') for name in neck):
        config |= dict(batch_norm=True, bias=f'{min(layers)}.bias' in neck)
    return config


def rename_agcn(encoder: Weights, layout: SkeletonLayout = NTU25) -> Weights:
    """An AGCN encoder of MMCV or ISC, on the graph of the layout.

    The convolutions of the three subsets become one each, of the same value.
    """
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
    graph = directed_partition(layout)
    return renamed | {f'backbone.blocks.{int(block) - 1}.gcn.adjacency': graph for block in blocks}


def agcn_backbone(weights: Weights) -> tuple[dict, int]:
    """Config of an AGCN with these weights, and persons."""
    num_joints = weights['backbone.blocks.0.gcn.learned'].shape[-1]
    if num_joints != _NUM_JOINTS:
        raise CheckpointError(f'The checkpoint has {num_joints} joints instead of {_NUM_JOINTS}: another layout.')
    num_persons = len(weights['backbone.input_norm.weight']) // (_NUM_JOINTS * _NUM_COORDS)
    return dict(type='AGCN', base_channels=len(weights['backbone.blocks.0.tcn.0.weight'])), num_persons
