import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskelssl.evaluation.functional import effective_rank, spread


def test_closed_forms():
    same = torch.tensor([[0.6, 0.8, 0]]).repeat(50, 1)
    assert spread(same) == pytest.approx(0, abs=1e-7) and effective_rank(same) == pytest.approx(1, abs=1e-4)
    axes = torch.eye(8).repeat(3, 1)
    assert effective_rank(axes) == pytest.approx(8)
    # Each coordinate is 1 with probability 1/8.
    assert spread(axes) == pytest.approx(math.sqrt(8 * (1 / 8) * (7 / 8)))
    assert spread(torch.cat([axes, -axes])) == pytest.approx(1)
    assert effective_rank(torch.eye(8)[:3]) == pytest.approx(3)  # fewer vectors than dimensions


@given(st.integers(2, 30), st.integers(2, 12), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_against_singular_values_and_under_rotation(number, width, seed):
    generator = torch.Generator().manual_seed(seed)
    x = F.normalize(torch.randn(number, width, generator=generator, dtype=torch.float64), dim=1)
    p = torch.linalg.svdvals(x)
    p = p / p.sum()
    assert effective_rank(x) == pytest.approx(math.exp(-(p * p.log()).sum()), rel=1e-5)
    assert spread(x) == pytest.approx(math.sqrt(1 - x.mean(0).square().sum()), rel=1e-9)
    turn = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64))[0]
    assert effective_rank(x @ turn) == pytest.approx(effective_rank(x), rel=1e-6)
    assert 1 <= effective_rank(x) <= min(number, width) * (1 + 1e-9)
