"""The contrastive entity, of which every method here is made (I²MD's own word, section 3.2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from torch import Tensor

from mmskelssl.models.losses import (
    distillation,
    info_nce,
    neighbourhood,
    paired_similarity,
    similarity,
)

Directions = Collection[tuple[str, str]]


class Entity:
    """A query, its key, and a bank of past keys: of a modality, a branch, or a second momentum encoder.

    Args:
        query: z_q (N, D), unit length.
        key: z_k (N, D), unit length, without gradient.
        past: M (K, D), unit length, without gradient.
    """

    def __init__(self, query: Tensor, key: Tensor, past: Tensor) -> None:
        self.query, self.key, self.past = query, key, past

    @cached_property
    def positive(self) -> Tensor:
        """(N,) z_q · z_k."""
        return paired_similarity(self.query, self.key)

    @cached_property
    def negatives(self) -> Tensor:
        """(N, K) z_q · M."""
        return similarity(self.query, self.past)

    @cached_property
    def context(self) -> Tensor:
        """(N, K) z_k · M, what the entity teaches from."""
        return similarity(self.key, self.past)


def mutual_distillation(
    entities: Mapping[str, Entity],
    directions: Directions,
    num_neighbors: int,
    teacher_temperature: float,
    student_temperature: float,
) -> Tensor:
    """Sum over (teacher, student) of the KL divergence of their neighbour distributions (I²MD, eq. 4, 5 and 8).

    Gradients reach the students' queries only.
    """
    teachers = {
        a: neighbourhood(entities[a].context, num_neighbors, teacher_temperature) for a in {a for a, _ in directions}
    }
    return sum(distillation(teachers[a], entities[b].negatives, student_temperature) for a, b in directions)


def mutual_contrast(entities: Mapping[str, Entity], directions: Directions, temperature: float) -> Tensor:
    """Sum over (teacher, student) of InfoNCE of the student's queries against the teacher's keys.

    The mutual contrastive loss that the ablations put in the place of distillation (I²MD, tables 11 and 13).
    """
    pairs = [(entities[a], entities[b]) for a, b in directions]
    return sum(info_nce(paired_similarity(b.query, a.key), similarity(b.query, a.past), temperature) for a, b in pairs)
