"""The clips that a page can play."""

from __future__ import annotations

import numpy as np

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.evaluation.results import DataDescription
from mmskelssl.utils.errors import StoreError
from mmskelssl.visualization.player import encode_clips

# Of longer clips only so many frames are kept, and played more slowly: a page holds hundreds of clips.
MAX_FRAMES = 32
FPS = 30
# Bytes of all clips in a page, which is then below 20 MB with whatever else is in it.
MAX_BYTES = 14_000_000
_BYTES_A_JOINT = 8  # three coordinates of 16 bits in base64


class PlayableClips:
    """Collects clips of a store by their names, each once, until they fill ``MAX_BYTES``.

    Args:
        data: What was evaluated on.

    Attributes:
        missing: Why nothing can be played; empty if it can.
    """

    def __init__(self, data: DataDescription) -> None:
        self.missing = ''
        self._ids: dict[str, int] = {}
        self._bytes = 0
        try:
            self._store = ClipStore(data.store)
            self._positions = {name: position for position, name in enumerate(self._store.names.tolist())}
        except StoreError as error:
            self.missing = str(error)
            self._positions = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add(self, name: str) -> int | None:
        """The number of a clip in the page; None if the store has no such clip, or the page is full."""
        if name in self._ids or name not in self._positions:
            return self._ids.get(name)
        position = self._positions[name]
        frames = self._store.num_persons[position] * min(self._store.num_frames[position], MAX_FRAMES)
        size = int(frames) * self._store.layout.num_joints * _BYTES_A_JOINT
        if self._bytes + size > MAX_BYTES:
            return None
        self._bytes += size
        return self._ids.setdefault(name, len(self._ids))

    def encode(self) -> list[dict]:
        """The collected clips as :class:`SkeletonPlayer` takes them, each with its ``label``."""
        if not self._ids:
            return []
        store, positions = self._store, [self._positions[name] for name in self._ids]
        lengths = store.num_frames[positions]
        clips = [_thinned(store[position]) for position in positions]
        titles = [f'{store.classes[store.labels[position]]} · {store.names[position]}' for position in positions]
        encoded = encode_clips(clips, titles, store.layout)
        return [
            dict(clip, fps=round(FPS * thinned.shape[1] / int(length), 2), label=int(store.labels[position]))
            for clip, thinned, length, position in zip(encoded, clips, lengths, positions, strict=True)
        ]


def _thinned(clip: np.ndarray) -> np.ndarray:
    length = clip.shape[1]
    if length <= MAX_FRAMES:
        return clip
    return clip[:, np.linspace(0, length - 1, MAX_FRAMES).round().astype(int)]
