"""What a normalization measures a clip by, where some frames lack it: a joint at exactly zero is missing."""

from __future__ import annotations

import torch
from torch import Tensor

from mmskelssl.datasets.clip_batch import ClipBatch


def is_tracked(joints: Tensor) -> Tensor:
    """(..., V) bool of (..., V, C)."""
    return (joints != 0).any(-1)


def first_rows(clips: ClipBatch, known: Tensor) -> tuple[Tensor, Tensor]:
    """The first row of each clip that is known: the first frame of the first person that has it.

    Args:
        clips: N packed clips of R rows.
        known: (R,) bool.

    Returns:
        (N,) rows, a clip's first one where none is known, and (N,) bool, whether one is.
    """
    num_rows = known.shape[0]
    row = torch.arange(num_rows, device=known.device)
    first = torch.full_like(clips.offsets, num_rows).scatter_reduce(
        0, clips.clip_of_row(), torch.where(known, row, num_rows), 'amin'
    )
    is_found = first < num_rows
    return torch.where(is_found, first, clips.offsets), is_found


def fill_over_time(clips: ClipBatch, values: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Interpolates values of each person between the known frames before and after; at its ends the nearest is taken.

    Args:
        clips: Packed clips of R rows.
        values: (R, C), one of each row.
        known: (R,) bool, which of them count.

    Returns:
        (R, C), exact where known and zero for a person without any, and (R,) bool, whether the person has one.
    """
    frame = clips.frame_of_row()
    num_rows = frame.shape[0]
    row = torch.arange(num_rows, device=frame.device)
    start = row - frame
    stop = start + clips.num_frames[clips.clip_of_row()]
    number = known.cumsum(0)
    # The row of the k-th known one stands at k; unknown rows go to 0, where nobody looks.
    place = row.new_full((num_rows + 2,), num_rows)
    place = place.scatter(0, torch.where(known, number, 0), row)
    before = torch.where(number > 0, place[number], -1)
    after = place[number + (~known).long()]
    has_before, has_after = before >= start, after < stop
    is_found = has_before | has_after
    before, after = torch.where(has_before, before, after), torch.where(has_after, after, before)
    before, after = (torch.where(is_found, index, row) for index in (before, after))
    weight = (row - before) / (after - before).clamp(min=1)
    filled = torch.lerp(values[before], values[after], weight[:, None].to(values.dtype))
    return torch.where(is_found[:, None], filled, 0), is_found


def leader_rows(clips: ClipBatch, known: Tensor) -> Tensor:
    """(R,) for every row the one of the same time of the first person of its clip that has a known row."""
    frame = clips.frame_of_row()
    first, _ = first_rows(clips, known)
    return (first - frame[first])[clips.clip_of_row()] + frame
