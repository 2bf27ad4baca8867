"""A batch of clips of different lengths, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class ClipBatch(NamedTuple):
    """References to N ragged clips in an array of frames.

    A named tuple, so that loaders pin it and data preprocessors move it like any container of tensors.

    Args:
        frames: (R, V, C) rows, one a frame of a person; those of a clip lie together, person after person.
        offsets: (N,) first row of each clip.
        num_frames: (N,) T of each clip.
        num_persons: (N,) M of each clip.
        max_persons: Persons of the dense batch; a clip's further ones are left out, absent ones are zeros.
    """

    frames: Tensor
    offsets: Tensor
    num_frames: Tensor
    num_persons: Tensor
    max_persons: int

    @classmethod
    def of(cls, clips: Sequence[np.ndarray]) -> ClipBatch:
        """A packed batch of clips in memory, each (M, T, V, C)."""
        num_persons, num_frames = torch.tensor([clip.shape[:2] for clip in clips]).T
        rows = num_persons * num_frames
        frames = np.concatenate([clip.reshape(-1, *clip.shape[2:]) for clip in clips]).astype(np.float32)
        offsets = rows.cumsum(0) - rows
        return cls(torch.from_numpy(frames), offsets, num_frames, num_persons, int(num_persons.max()))

    def sample(self, lower: Tensor, upper: Tensor, weight: Tensor) -> Tensor:
        """Reads frames between frames, touching no others.

        Args:
            lower: (N, T) frame numbers within each clip.
            upper: (N, T) frame numbers.
            weight: (N, T) share of the upper frame, 0 to 1.

        Returns:
            (N, M, T, V, C) float32: ``(1 - weight) * clip[lower] + weight * clip[upper]``.
        """
        num_clips, num_steps = lower.shape
        person = torch.arange(self.max_persons, device=lower.device)
        present = person < self.num_persons[:, None]
        first = self.offsets[:, None] + torch.where(present, person * self.num_frames[:, None], 0)
        rows = first[..., None, None] + torch.stack((lower, upper), -1)[:, None]
        shares = torch.stack((1 - weight, weight), -1)[:, None] * present[..., None, None]
        # A bag of two weighted rows reads each frame once and writes each result once; gathering and then mixing
        # would make two copies more.
        dense = F.embedding_bag(
            rows.view(-1, 2),
            self.frames.flatten(1),
            per_sample_weights=shares.view(-1, 2).to(self.frames.dtype),
            mode='sum',
        )
        return dense.view(num_clips, self.max_persons, num_steps, *self.frames.shape[1:]).float()

    def select(self, index: Tensor) -> ClipBatch:
        """Some of the clips, given by their numbers (n,); the frames are not copied."""
        return self._replace(
            offsets=self.offsets[index], num_frames=self.num_frames[index], num_persons=self.num_persons[index]
        )

    def repeat(self, times: int) -> ClipBatch:
        """All clips, then all of them again, ``times`` in total; the frames are not copied."""
        return self._replace(
            offsets=self.offsets.repeat(times),
            num_frames=self.num_frames.repeat(times),
            num_persons=self.num_persons.repeat(times),
        )

    def pack(self) -> ClipBatch:
        """The same clips with a copy of their own rows only, ready to travel to another device."""
        counts = self.num_frames * self.num_persons
        starts = counts.cumsum(0) - counts
        within = torch.arange(int(counts.sum()), device=counts.device) - starts.repeat_interleave(counts)
        rows = self.offsets.repeat_interleave(counts) + within
        return self._replace(frames=self.frames[rows].float(), offsets=starts)

    def unpack(self) -> list[Tensor]:
        """The clips, each (M, T, V, C), of a packed batch."""
        sizes = zip(self.num_persons.tolist(), self.num_frames.tolist(), strict=True)
        return [
            self.frames[start : start + persons * frames].unflatten(0, (persons, frames))
            for start, (persons, frames) in zip(self.offsets.tolist(), sizes, strict=True)
        ]

    def clip_of_row(self) -> Tensor:
        """(R,) the clip that each row belongs to; for packed batches."""
        # Not by repeat_interleave: for how many rows that gives, one has to wait for a GPU, and an exported graph does
        # not know it.
        begins = torch.zeros_like(self.frames[:, 0, 0], dtype=torch.int64)
        return begins.index_add(0, self.offsets, torch.ones_like(self.offsets)).cumsum(0) - 1

    def frame_of_row(self) -> Tensor:
        """(R,) the number of each row's frame within its clip; for packed batches."""
        clip = self.clip_of_row()
        return (torch.arange(clip.shape[0], device=clip.device) - self.offsets[clip]) % self.num_frames[clip]
