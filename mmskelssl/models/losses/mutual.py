"""Exchange of knowledge over ordered pairs of entities (CMD, ECCV 2022; I²MD, section 3.2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor

from mmskelssl.models.losses.contrastive import info_nce
from mmskelssl.models.losses.distillation import distillation, neighbourhood
from mmskelssl.models.losses.similarity import paired_similarity, similarity

Directions = Collection[tuple[str, str]]


class Exchanging(Protocol):
    """What the losses need of an entity: see :class:`~mmskelssl.models.algorithms.momentum.Entity`."""

    query: Tensor
    key: Tensor
    past: Tensor

    @property
    def negatives(self) -> Tensor: ...

    @property
    def teaching(self) -> Tensor: ...


def mutual_distillation(
    entities: Mapping[str, Exchanging],
    directions: Directions,
    num_neighbors: int,
    teacher_temperature: float,
    student_temperature: float,
) -> Tensor:
    """Sum over (teacher, student) of the KL divergence of their neighbour distributions (I²MD, eq. 4, 5 and 8).

    Gradients reach the students' queries only.
    """
    teachers = {
        a: neighbourhood(entities[a].teaching, num_neighbors, teacher_temperature) for a in {a for a, _ in directions}
    }
    return reduce(
        torch.add, [distillation(teachers[a], entities[b].negatives, student_temperature) for a, b in directions]
    )


def mutual_contrast(entities: Mapping[str, Exchanging], directions: Directions, temperature: float) -> Tensor:
    """Sum over (teacher, student) of InfoNCE of the student's queries against the teacher's keys.

    The mutual contrastive loss that the ablations put in the place of distillation (I²MD, tables 11 and 13).
    """
    pairs = [(entities[a], entities[b]) for a, b in directions]
    return reduce(
        torch.add,
        [info_nce(paired_similarity(b.query, a.key), similarity(b.query, a.past), temperature) for a, b in pairs],
    )
