"""Recordings of the official programs of contrastive methods on one modality, and our models with their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from golden import to_view
from golden_masked import load, recordings, skeleton
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmskelssl.cli.official_weights import rename_stgcn
from mmskelssl.registry import MODELS

__all__ = [
    'assert_learns_as',
    'build',
    'compare_gradients',
    'compare_gradients_of',
    'layout_of',
    'load',
    'loaded_bank',
    'part',
    'recordings',
    'st_gcn',
    'view',
]


def view(official: Tensor) -> Tensor:
    """(N, C, T, V, M), of whatever precision, to (N, M, T, V, C) in float64."""
    return to_view(official).double()


def part(weights: dict, prefix: str) -> dict:
    """What is below a prefix."""
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def layout_of(num_joints: int) -> str | dict:
    """The layout that programs take for so many joints; where it is unknown, any that has so many."""
    return {25: 'ntu25', 20: 'kinect20'}.get(num_joints) or skeleton(num_joints)


def st_gcn(config: dict) -> dict:
    return dict(type='STGCN', base_channels=config['hidden_channels'], out_channels=config['hidden_dim'], dropout=0.0)


def build(golden: dict, shape: Tensor, **options) -> nn.Module:
    """A model in float64 for views as ``shape`` (N, C, T, V, M), with the sizes that a recording's weights have."""
    weights = golden['official_state_dict']
    bank = dict(queue_size=weights['queue'].shape[1], feat_dim=weights['queue'].shape[0]) if 'queue' in weights else {}
    common = dict(neck=dict(type='ProjectionNeck'), layout=layout_of(shape.shape[3]), num_persons=shape.shape[4])
    return MODELS.build(common | bank | options).double().train()


def loaded_bank(model: nn.Module, golden: dict) -> nn.Module:
    """The model with a recording's queue in its only field."""
    weights = golden['official_state_dict']
    model.bank['joint'].copy_(weights['queue'].T)
    model.bank.pointer.fill_(int(weights['queue_ptr']))
    return model


def load_encoders(model: nn.Module, golden: dict, rename=rename_stgcn) -> nn.Module:
    """The model with a recording's query and key encoder."""
    for theirs, ours in dict(encoder_q='encoder', encoder_k='encoder_k').items():
        encoder = rename(part(golden['official_state_dict'], f'{theirs}.'))
        getattr(model, ours)['joint'].load_state_dict(encoder)
    return model


def compare_gradients(encoder: nn.Module, official: dict[str, float], rel: float = 1e-4, abs: float = 1e-5) -> None:
    """Compares gradient norms by our names; those that vanish have rounding noise of the program on record."""
    gradients = {name: parameter.grad.norm().item() for name, parameter in encoder.named_parameters()}
    assert gradients.keys() == official.keys()
    for name, norm in official.items():
        assert gradients[name] == pytest.approx(float(norm), rel=rel, abs=abs), name


class NearZero(TorchFunctionMode):
    """Finds inputs of ReLUs that float32 may round to the other side of zero, and takes chosen ones there.

    Args:
        moved: Which ones, counted over all calls.
    """

    def __init__(self, moved: Sequence[int] = (), within: float = 4e-7) -> None:
        super().__init__()
        self.moved, self.within, self.count = moved, within, 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_):
            x = args[0]
            undecided = ((x != 0) & (x.abs() < self.within)).flatten().nonzero()[:, 0]
            there = [n in self.moved for n in range(self.count, self.count + len(undecided))]
            self.count += len(undecided)
            if any(there):
                other_side = torch.zeros(x.numel(), dtype=x.dtype)
                moved = undecided[torch.tensor(there)]
                other_side[moved] = -2 * x.detach().flatten()[moved]
                args = (x + other_side.view_as(x), *args[1:])
        return func(*args, **(kwargs or {}))


def compare_gradients_of(step: Callable[[], None], encoder: nn.Module, official: dict[str, float]) -> None:
    """As :func:`compare_gradients` after a step, which is run again for every way to round the ReLUs that float32 may
    round otherwise: where gradients are large, one of them moves a norm by more than the tolerance.
    """
    noise = 1e-5 * max(1.0, *official.values())
    with NearZero() as relus:
        step()
    ways = [moved for size in range(relus.count + 1) for moved in combinations(range(relus.count), size)]
    for moved in ways[1:]:
        try:
            return compare_gradients(encoder, official, abs=noise)
        except AssertionError:
            encoder.zero_grad()
            with NearZero(moved):
                step()
    compare_gradients(encoder, official, abs=noise)


def norms_of_stgcn(official: dict[str, float], num_joints: int, prefix: str = 'encoder_q.') -> dict[str, float]:
    """Gradient norms of a query encoder by our names."""
    norms = part(official, prefix) | dict(A=torch.zeros(3, num_joints, num_joints))
    return {name: float(norm) for name, norm in rename_stgcn(norms).items() if not name.endswith('adjacency')}


def assert_close(ours: Tensor, recorded: Tensor) -> None:
    torch.testing.assert_close(ours.float(), recorded.float(), atol=1e-5, rtol=1e-5)


def assert_learns_as(one: nn.Module, views: list[Tensor], other: nn.Module, others: list[Tensor]) -> None:
    """Whether two methods on the same encoder, each with its own views, have the same loss, gradients and keys."""
    other.load_state_dict(one.state_dict(), strict=False)
    totals = [sum(model(x, mode='loss').values()) for model, x in ((one, views), (other, others))]
    torch.testing.assert_close(*totals)
    for total in totals:
        total.backward()
    for ours, theirs in zip(one.encoder.parameters(), other.encoder.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(one.keys, other.keys)
