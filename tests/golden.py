"""Slices of what the official programs computed; ``tests/data/make_golden_slices.py`` says what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmskelssl.cli.official_weights import rename_gru, rename_stgcn
from mmskelssl.registry import MODELS

DATA = Path(__file__).parent / 'data'

# Names of encoders and of settings in the programs' recordings, and ours.
ROLES = dict(encoder_q='encoder', encoder_k='encoder_k', encoder_p='encoder_p')
SETTINGS = dict(
    topk='num_neighbors',
    T='temperature',
    teacher_T='teacher_temperature',
    student_T='student_temperature',
    cmd_weight='distill_weight',
    alpha='contrast_weight',
    beta='distill_weight',
)
_SAID_BY_THE_MODEL = ('layout', 'num_joints', 'num_persons')


class Recorded(nn.Module):
    """An encoder of which only the embeddings are known."""

    def __init__(self, embedding: Tensor) -> None:
        super().__init__()
        self.register_buffer('embedding', embedding)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {'': self.embedding}


def to_view(official: Tensor) -> Tensor:
    """(N, C, T, V, M) to (N, M, T, V, C)."""
    return official.permute(0, 4, 2, 3, 1).contiguous()


def settings(recorded: dict) -> dict:
    """The options of our model that a recording's ``config`` is about; sizes are those of the weights."""
    return {ours: recorded[theirs] for theirs, ours in SETTINGS.items() if theirs in recorded}


def load_slice(method: str, **options) -> tuple[dict, nn.Module]:
    """A slice, and its model in float64 with the joint query encoder and every queue; other encoders are recorded."""
    golden = torch.load(DATA / f'golden_{method}.pt', torch.get_default_device(), weights_only=True)
    # Slices were cut when backbones were told layout and persons by their own configs.
    backbone = {key: value for key, value in golden['model']['backbone'].items() if key not in _SAID_BY_THE_MODEL}
    model = MODELS.build(golden['model'] | dict(backbone=backbone) | settings(golden['config']) | options)
    for role, embeddings in golden['embeddings'].items():
        for modality, embedding in embeddings.items():
            if (role, modality) != ('encoder_q', 'joint'):
                getattr(model, ROLES[role])[modality] = Recorded(embedding)
    weights = golden['official_state_dict']
    prefix = 'encoder_q.'
    encoder = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    model.encoder['joint'].load_state_dict(_rename(method)(encoder))
    for name in model.bank.fields:
        modality, _, role = name.partition('_')
        suffix = ('' if modality == 'joint' else f'_{modality}') + (f'_{role or "k"}' if 'queue_k' in weights else '')
        model.bank[name].copy_(weights[f'queue{suffix}'].T)
    return golden, model.double().train()


def assert_losses(losses: dict[str, Tensor], official: dict[str, float]) -> None:
    assert losses.keys() == official.keys()
    for name, value in official.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-5), name


def assert_gradients(method: str, encoder: nn.Module, official: dict[str, float]) -> None:
    """Compares gradient norms of a query encoder, given by official names.

    In float64: a ReLU that rounding flips in float32 can move a gradient by more than the tolerance. Parameters whose
    gradient vanishes (a convolution's bias in front of a norm) have rounding noise of the official program on record.
    """
    official = {key.partition('.')[2]: norm for key, norm in official.items()}
    if method == 'crossclr':
        official['A'] = torch.zeros(3, 25, 25)
    renamed = {name: norm for name, norm in _rename(method)(official).items() if not name.endswith('adjacency')}
    gradients = {name: parameter.grad for name, parameter in encoder.named_parameters()}
    assert gradients.keys() == renamed.keys()
    for name, norm in renamed.items():
        assert gradients[name].norm().item() == pytest.approx(float(norm), rel=1e-4, abs=1e-5), name


def _rename(method: str):
    return rename_stgcn if method == 'crossclr' else rename_gru
