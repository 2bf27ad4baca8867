"""Masks from scores and draws, written out, and what is sampled in the long run."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.models.masking import (
    gather_tokens,
    hidden,
    keep_lowest,
    motion_aware_noise,
    motion_scores,
    num_kept,
)
from mmskelssl.models.targets import motion, motion_weights, normalize_clip, normalize_segments, segments


@given(st.integers(2, 800), st.floats(0.05, 0.95))
def test_a_ratio_gives_the_exact_count(tokens, ratio):
    count = num_kept(tokens, ratio)
    kept = keep_lowest(torch.rand(3, tokens), count)
    assert count == int(tokens * (1 - ratio)) and kept.shape == (3, count)
    assert hidden(kept, tokens).sum(1).tolist() == [tokens - count] * 3
    assert all(len(set(row.tolist())) == count for row in kept)


@pytest.mark.parametrize(('tokens', 'kept'), [(750, 74), (150, 14), (160, 15), (320, 31)])
def test_counts_of_the_official_program(tokens, kept):
    """Rounding of 1 - 0.9 leaves 74 of 750, not 75."""
    assert num_kept(tokens, 0.9) == kept


def test_scores_by_hand():
    tokens = torch.randn(2, 4, 5, 12)
    scores = motion_scores(tokens).view(2, 4, 5)
    for s in range(4):
        later = max(s, 1)
        expected = (tokens[:, later] - tokens[:, later - 1]).abs().sum(-1) / 12
        torch.testing.assert_close(scores[:, s], expected)


def test_noise_written_out():
    scores, uniform = torch.rand(3, 20), torch.rand(3, 20)
    noise = motion_aware_noise(scores, uniform, 0.8)
    for person in range(3):
        p = (scores[person] / (scores[person].max() * 0.8 + 1e-10)).softmax(0)
        gumbel = -torch.log(-torch.log(uniform[person] + 1e-10) + 1e-10)
        torch.testing.assert_close(noise[person], p.log() + gumbel, atol=1e-5, rtol=1e-5)


def test_hidden_tokens_are_a_sample_in_proportion_to_motion():
    """Hidden by itself, a token is hidden as often as softmax says; of a person at rest all alike."""
    scores = torch.tensor([[0.0, 1.0, 2.0, 4.0]]).expand(40000, 4)
    for factor in (1, 0):
        noise = motion_aware_noise(factor * scores, torch.rand(40000, 4), 0.5)
        often = hidden(keep_lowest(noise, 3), 4).float().mean(0)
        torch.testing.assert_close(often, (factor * scores[0] / (4 * 0.5)).softmax(0), atol=0.02, rtol=0)


def test_gathered_tokens():
    tokens = torch.randn(2, 6, 3)
    positions = torch.tensor([[5, 0], [2, 2]])
    expected = torch.stack([tokens[0, [5, 0]], tokens[1, [2, 2]]])
    assert torch.equal(gather_tokens(tokens, positions), expected)


def test_segments_are_frame_by_frame():
    x = torch.arange(2 * 6 * 2 * 3).float().view(2, 6, 2, 3)
    tokens = segments(x, 3)
    assert tokens.shape == (2, 2, 2, 9)
    assert torch.equal(tokens[1, 1, 0], torch.cat([x[1, t, 0] for t in (3, 4, 5)]))


@pytest.mark.parametrize('stride', [1, 2, 6, 9])
def test_motion_by_hand(stride):
    x = torch.randn(2, 6, 2, 3)
    moved = motion(x, stride)
    for t in range(6):
        expected = x[:, t + stride] - x[:, t] if t + stride < 6 else torch.zeros(2, 2, 3)
        torch.testing.assert_close(moved[:, t], expected)


def test_normalized_targets():
    x = torch.randn(2, 8, 3, 3, dtype=torch.float64) * 5 + 2
    tokens = normalize_segments(segments(x, 4))
    torch.testing.assert_close(tokens.mean(-1), torch.zeros(2, 2, 3, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(tokens.var(-1), torch.ones(2, 2, 3, dtype=torch.float64), atol=1e-5, rtol=0)
    clip = normalize_clip(x)
    torch.testing.assert_close(clip[:, :, 1, 2].var(1), torch.ones(2, dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(clip[0, :, 1, 2], (x[0, :, 1, 2] - x[0, :, 1, 2].mean()) / x[0, :, 1, 2].std())


def test_weights_of_motion_by_hand():
    """Energy of a window: mean squared distance of its frames from their mean."""
    x = torch.randn(2, 8, 3, 3, dtype=torch.float64)
    x[:, :, 2] = 1.5  # a joint at rest
    got = motion_weights(x, windows=(2, 4), softness=0.3)
    expected = torch.zeros(2, 8, 3, dtype=torch.float64)
    for length in (2, 4):
        energy = torch.zeros(2, 8 // length, 3, dtype=torch.float64)
        for w in range(8 // length):
            frames = x[:, w * length : (w + 1) * length]
            energy[:, w] = sum(((f - frames.mean(1)) ** 2).sum(-1) for f in frames.unbind(1)) / length
        for person in range(2):
            mean = energy[person].mean()
            for t in range(8):
                expected[person, t] += 0.5 / (1 + 0.3 * mean / (energy[person, t // length] + 1e-6))
    torch.testing.assert_close(got[..., 0], expected)
    assert got[:, :, 2].max() < 0.01 < 0.3 < got[:, :, :2].min()
    still = motion_weights(torch.ones(1, 8, 3, 3), windows=(4,), softness=0.3)
    torch.testing.assert_close(still, torch.ones(1, 8, 3, 1))
