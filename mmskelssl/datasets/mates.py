"""Clips of one performance that several cameras filmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.utils.errors import ConfigError

# Of a clip's random stream, the branch that chooses its mate; views fork from small numbers on.
_BRANCH = 1 << 20


@dataclass(frozen=True)
class Mates:
    """The clips that each of N clips may be shown with, one list after the other.

    Args:
        clips: All lists.
        starts: (N,) where a clip's begins.
        counts: (N,) how long it is, at least 1: a clip without a mate has itself.
    """

    clips: Tensor
    starts: Tensor
    counts: Tensor

    def draw(self, positions: Tensor, keys: Tensor) -> Tensor:
        """(n,) a mate for each of the clips at some positions (n,), by the keys (n,) of their randomness."""
        chosen = KeyedRandom(keys).fork(_BRANCH).integers(self.counts[positions])
        return self.clips[self.starts[positions] + chosen]


def find_mates(store: ClipStore, indices: np.ndarray, same: Sequence[str], other: str) -> Mates:
    """Finds the mates of clips among them: alike in the attributes ``same``, unlike in ``other``.

    Args:
        store: The store.
        indices: (N,) clips of the store, such as those of a split.
        same: Attributes that name a performance; ``label`` is the class.
        other: The attribute that says the camera.

    Raises:
        ConfigError: If the store has no such attribute.
    """
    known = dict(store.attributes, label=store.labels)
    if unknown := [name for name in (*same, other) if name not in known]:
        raise ConfigError(f'{store.path} has no attribute {unknown[0]!r} to find mates by: it has {sorted(known)}.')
    performance = np.unique(
        np.stack([known[name][indices].astype(str) for name in same], 1), axis=0, return_inverse=True
    )
    group, camera = performance[1].reshape(-1), known[other][indices]
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    lists = [members[g][camera[members[g]] != camera[i]] for i, g in enumerate(group)]
    lists = [found if len(found) else np.array([i]) for i, found in enumerate(lists)]
    counts = torch.tensor([len(found) for found in lists])
    return Mates(torch.from_numpy(indices[np.concatenate(lists)]), counts.cumsum(0) - counts, counts)
