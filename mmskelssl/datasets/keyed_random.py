"""Random numbers that belong to a clip, not to a process."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# Constants of SplitMix64 (Steele, Lea & Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014), as the
# signed 64-bit integers that torch calculates with; products wrap around on every device.
_GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def _wrap(number: int) -> int:
    """A Python integer as the signed 64-bit one that it overflows to."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical shift; torch's own shift of int64 keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def clip_keys(seed: Tensor, epoch: Tensor, index: Tensor) -> Tensor:
    """Keys for :class:`KeyedRandom` from int64 tensors (N,): one key for each clip, epoch and seed."""
    return _mix(_mix(_mix(seed + _GAMMA) + epoch + _GAMMA) + index + _GAMMA)


class KeyedRandom:
    """Draws numbers for N clips, each a function of its clip's key and of how many were drawn for it before.

    So the augmentation of a clip depends on seed, epoch and clip alone: not on the batch it falls into, on the number
    of loader workers or processes, or on the device.

    Args:
        keys: (N,) int64.
    """

    def __init__(self, keys: Tensor) -> None:
        self.keys = keys
        self._drawn = 0

    def __len__(self) -> int:
        return len(self.keys)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(N, *shape) float32, uniform in [low, high)."""
        count = torch.Size(shape).numel()
        counters = torch.arange(self._drawn + 1, self._drawn + 1 + count, device=self.keys.device)
        self._drawn += count
        bits = _mix(self.keys[:, None] + counters * _GAMMA)
        # The 24 highest bits are as many as float32 tells apart.
        unit = _shift_right(bits, 40).float() * 2.0**-24
        return (low + (high - low) * unit).view(len(self), *shape)

    def normal(self, *shape: int) -> Tensor:
        """(N, *shape) float32, of the standard normal distribution (by Box and Muller's transform)."""
        half = (torch.Size(shape).numel() + 1) // 2
        radius, turn = self.uniform(2, half).unbind(1)
        # Of (0, 1], so that the logarithm is finite.
        radius = (-2 * (1 - radius).log()).sqrt()
        turn = turn * (2 * math.pi)
        pairs = torch.cat([radius * turn.cos(), radius * turn.sin()], 1)
        return pairs[:, : torch.Size(shape).numel()].view(len(self), *shape)

    def integers(self, high: Tensor | int) -> Tensor:
        """(N,) int64, uniform in 0..high-1; ``high`` is (N,) or one number."""
        return (self.uniform() * high).long().clamp(max=high - 1)

    def subset(self, size: int, *shape: int) -> Tensor:
        """(N, *shape) bool with ``size`` true entries in every row of the last axis, all subsets equally likely."""
        noise = self.uniform(*shape)
        chosen = noise.argsort(-1)[..., :size]
        return torch.zeros_like(noise, dtype=torch.bool).scatter_(-1, chosen, True)

    def fork(self, branch: int) -> KeyedRandom:
        """An independent stream for the same clips, another one at every point of this one.

        Drawing from it leaves this one as it is.
        """
        return self.forks([branch])

    def forks(self, branches: Sequence[int]) -> KeyedRandom:
        """Several forks one after the other: a stream for ``len(branches) * N`` clips."""
        here = _mix(self.keys + _wrap(self._drawn * _GAMMA))
        return KeyedRandom(_mix(torch.cat([here + _wrap((branch + 1) * _GAMMA) for branch in branches])))

    def of(self, clips: Tensor) -> KeyedRandom:
        """The stream of some of the clips, given by their positions (n,), from this point on."""
        part = KeyedRandom(self.keys[clips])
        part._drawn = self._drawn
        return part
