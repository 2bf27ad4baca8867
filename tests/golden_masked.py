"""Recordings of the official programs of masked methods, and our models with their weights."""

from __future__ import annotations

import os
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
    return torch.load(path, weights_only=True)


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
