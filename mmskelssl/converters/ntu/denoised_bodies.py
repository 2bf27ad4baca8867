"""The persons of a clip as CTR-GCN takes them (Chen et al., ICCV 2021), and MAMP, STARS, SLiM and MacDiff after it.

A body is known by the id that Kinect gives it, and not by its place in a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmskelssl.converters.ntu.skeleton_file import Bodies

_MIN_FRAMES = 12
# A body that is wider than this share of its height is taken for furniture.
_MAX_WIDTH = 0.8
_MAX_NOISY = 0.69754


@dataclass(frozen=True, eq=False)
class _Track:
    """One body: joints (F, 25, 3) in its frames (F,)."""

    joints: np.ndarray
    frames: np.ndarray

    @property
    def is_noisy(self) -> np.ndarray:
        """(F,) whether it is too wide."""
        width, height = np.ptp(self.joints[..., 0], axis=1), np.ptp(self.joints[..., 1], axis=1)
        return width > _MAX_WIDTH * height

    @property
    def motion(self) -> float:
        """Sum of the variances of x, y and z over frames and joints, at most that without the noisy frames."""
        clean = self.joints[~self.is_noisy]
        parts = [self.joints, clean] if len(clean) else [self.joints]
        return min(float(part.reshape(-1, 3).var(axis=0).sum()) for part in parts)

    def overlaps(self, span: tuple[int, int]) -> bool:
        return self.frames[0] <= span[1] and self.frames[-1] >= span[0]


def denoised_bodies(bodies: Bodies) -> np.ndarray:
    """Without furniture, the body that moves most first; bodies that follow one another are put together.

    1. The only body of a clip is kept as it is.
    2. Of several, those of at most 11 frames are dropped, and those that are wider than 0.8 of their height in 69.754 %
       of their frames or more; the last one left never is.
    3. In the order of their motion, each joins the first person if their spans of frames do not overlap, else the
       second by the same rule, else it is lost.
    4. Frames without anyone are cut out.

    Args:
        bodies: B bodies of T frames.

    Returns:
        (M, T', 25, 3) float32, M = 1 or 2, zero where a person is not tracked; T' = T for the only body of a clip.
    """
    found = [bodies.person == number for number in range(bodies.person.max() + 1)]
    tracks = [_Track(bodies.joints[rows], bodies.frame[rows]) for rows in found]
    if len(tracks) == 1:
        return _drawn([tracks], bodies.num_frames)
    persons: list[list[_Track]] = [[], []]
    for track in sorted(_without_furniture(tracks), key=lambda track: -track.motion):
        for person in persons:
            if not person or not track.overlaps(_span(person)):
                person.append(track)
                break
    clip = _drawn([person for person in persons if person], bodies.num_frames)
    return clip[:, clip.any(axis=(0, 2, 3))]


def _without_furniture(tracks: list[_Track]) -> list[_Track]:
    long = [track for track in tracks if len(track.frames) >= _MIN_FRAMES]
    kept = long or [max(tracks, key=lambda track: len(track.frames))]
    for track in list(kept):
        if len(kept) > 1 and track.is_noisy.mean() >= _MAX_NOISY:
            kept.remove(track)
    return kept


def _span(person: list[_Track]) -> tuple[int, int]:
    """First and last frame."""
    return min(track.frames[0] for track in person), max(track.frames[-1] for track in person)


def _drawn(persons: list[list[_Track]], num_frames: int) -> np.ndarray:
    clip = np.zeros((len(persons), num_frames, *persons[0][0].joints.shape[1:]), np.float32)
    for place, person in enumerate(persons):
        for track in person:
            clip[place, track.frames] = track.joints
    return clip
