"""Checkpoints of the official programs in this toolbox's terms.

Pure renaming: every number of an official checkpoint is kept, so a converted model gives the official losses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

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
from mmskelssl.cli.official_graphs import convert_isc, convert_pstl
from mmskelssl.cli.official_masked import convert_mamp, convert_skeleton2vec, convert_slim, convert_stars
from mmskelssl.cli.official_pcm3 import convert_pcm3
from mmskelssl.cli.official_scd_net import convert_scd_net
from mmskelssl.cli.official_transformers import convert_umurl, convert_usdrl
from mmskelssl.models import SelfSupervised
from mmskelssl.registry import MODELS
from mmskelssl.utils.checkpoints import check_weights
from mmskelssl.utils.errors import CheckpointError

_MODALITY_OF_SUFFIX = {'': 'joint', '_motion': 'motion', '_bone': 'bone'}
_ENCODER = re.compile(r'encoder_(?P<role>[qkp])(?P<suffix>|_motion|_bone)\.(?P<name>.+)')
_QUEUE = re.compile(r'queue(?P<suffix>|_motion|_bone)(?P<role>|_k|_p)')
_POINTER = re.compile(r'queue_ptr(?P<suffix>|_motion|_bone)(?P<role>|_k|_p)')
# HiCLR's learned number.
_MASK = 'mask_param'
_OURS = dict(encoder_q='encoder', encoder_k='encoder_k', encoder_p='encoder_p')
# Programs without the names of the others: what only their keys begin with (one or the other), and what converts them.
_OF_THEIR_OWN = dict(
    isc=('Queue_S1', convert_isc),
    pcm3=('recons_decoder.', convert_pcm3),
    pstl=('st_gcn_networks. encoder.st_gcn_networks.', convert_pstl),
    scd_net=('encoder_q.encoder.gcn_t.', convert_scd_net),
    umurl=('backbone.j_emb.', convert_umurl),
    usdrl=('backbone.ske_emb.', convert_usdrl),
    mamp=('joints_embed.', convert_mamp),
    stars=('encoder_student.', convert_stars),
    skeleton2vec=('auto_encoder.', convert_skeleton2vec),
    slim=('ibot_head.', convert_slim),
)
_TYPES = dict(
    cmd='CMD',
    crossclr='CrosSCLR',
    mmcv_mutual='MMCVMutual',
    aimclr='AimCLR',
    hiclr='HiCLR',
    skelemixclr='SkeleMixCLR',
)
METHODS = (*_TYPES, *_OF_THEIR_OWN)


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
    found = _found(family, encoders, others)
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
    if method == 'hiclr':
        converted['mask_value.joint'] = others.pop(_MASK)
    converted |= _queues(others)

    modalities = [modality for role, modality in encoders if role == 'encoder_q']
    necks = {a: projection(converted, f'encoder.{a}.neck.') for a in modalities}
    model: dict[str, Any] = dict(
        type=_TYPES[method],
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
    if method in ('cmd', 'mmcv_mutual'):
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
    signs = {name: tuple(sign.split()) for name, (sign, _) in _OF_THEIR_OWN.items()}
    found = next((name for name, sign in signs.items() if any(key.startswith(sign) for key in weights)), None)
    if found != method and found:
        raise CheckpointError(f'This is a checkpoint of {found}, not of {method}: convert it as {found}.')
    if method not in signs:
        return None
    if not found:
        raise CheckpointError(
            f'This is not a checkpoint of {method}: it has no {signs[method][0]}*. It has {sorted(weights)[:5]} ...'
        )
    try:
        return _OF_THEIR_OWN[method][1](weights)
    except KeyError as error:
        raise CheckpointError(f'The checkpoint is incomplete: it lacks {error.args[0]}.') from error


def _found(family: _Family, encoders: Mapping[tuple[str, str], Weights], others: Weights) -> str:
    """The method that a checkpoint of the common form is of."""
    if family is _STGCN:
        if 'fc.1.running_mean' in encoders['encoder_q', 'joint']:
            return 'skelemixclr'
        if _MASK in others:
            return 'hiclr'
        return 'crossclr' if ('encoder_q', 'motion') in encoders or ('encoder_q', 'bone') in encoders else 'aimclr'
    return 'mmcv_mutual' if any(role == 'encoder_p' for role, _ in encoders) else 'cmd'


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


_Family = tuple[Callable[[Weights], Weights], Callable[[Weights], tuple[dict, int]]]
_GRU: _Family = rename_gru, gru_backbone
_STGCN: _Family = rename_stgcn, stgcn_backbone
_AGCN: _Family = rename_agcn, agcn_backbone
# By the beginning of a name that only this family of encoders has.
_FAMILIES = {'encoder.gru.': _GRU, 'st_gcn_networks.': _STGCN, 'l1.gcn1.': _AGCN}
