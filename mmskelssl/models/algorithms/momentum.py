"""The family of momentum contrast: entities with queries, keys and a bank of past keys (MoCo v2, Chen et al., 2020)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.datasets import SkeletonDataset
from mmskelssl.models.algorithms.banked import Banked
from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.losses import paired_similarity, similarity
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.momentum_schedule import MomentumSchedule, read_momentum
from mmskelssl.utils.errors import ConfigError


class Entity:
    """A query, its key, and a bank of past keys (I²MD's word, section 3.2).

    Of a stream, a branch, one of several necks, or a second momentum encoder.

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
    def similarities(self) -> Tensor:
        """(N, 1 + K) z_q · [z_k, M]."""
        return torch.cat([self.positive[:, None], self.negatives], 1)

    @cached_property
    def teaching(self) -> Tensor:
        """(N, K) z_k · M, what the entity teaches from."""
        return similarity(self.key, self.past)


class MomentumEncoders(SelfSupervised):
    """Base of the methods with encoders that follow the trained ones: ``key = α * key + (1 - α) * query``.

    They are copies of ``self.encoder`` without a gradient, which move before every update. Their batch statistics stay
    their own.

    Args:
        backbone: Of :class:`SelfSupervised`.
        neck: Likewise.
        momentum: α of ``self.encoder_k``, 0.999 in the papers of this field, or the fields of a
            :class:`~mmskelssl.models.momentum_schedule.MomentumSchedule`.
        **kwargs: Of :class:`SelfSupervised`.

    Attributes:
        follows_in_eval: Whether they run in evaluation mode, so that nothing is dropped from what they give.

    Raises:
        ConfigError: If α is not within [0, 1].
    """

    follows_in_eval = False

    def __init__(
        self, backbone: dict | None = None, neck: dict | None = None, *, momentum: float | Mapping = 0.999, **kwargs
    ) -> None:
        super().__init__(backbone, neck, **kwargs)
        self.momenta: dict[str, float | MomentumSchedule] = {}
        self.add_momentum_encoder('encoder_k', 'momentum', momentum)

    def add_momentum_encoder(self, name: str, key: str, momentum: float | Mapping) -> None:
        """Adds encoders as attribute ``name``, whose α is the config's ``key``."""
        self.momenta[name] = read_momentum(key, momentum)
        setattr(self, name, copy.deepcopy(self.encoder).requires_grad_(False))

    def init_weights(self) -> None:
        super().init_weights()
        for name in self.momenta:
            getattr(self, name).load_state_dict(self.encoder.state_dict())

    def train(self, mode: bool = True) -> MomentumEncoders:
        super().train(mode)
        for name in self.momenta:
            getattr(self, name).train(mode and not self.follows_in_eval)
        return self

    @torch.no_grad()
    def before_update(self) -> None:
        """Moves the momentum encoders towards the trained ones."""
        for name, momentum in self.momenta.items():
            if isinstance(momentum, MomentumSchedule):
                # Before the first update both are the same: the move before the second one is the first of all.
                momentum = momentum.at(max(self.updates - 1, 0), self.max_updates)
            followers = list(getattr(self, name).parameters())
            torch._foreach_lerp_(followers, list(self.encoder.parameters()), weight=1 - momentum)


class MomentumContrast(Banked, MomentumEncoders):
    """Base of the methods that contrast queries with keys of momentum encoders and with a bank of past keys.

    ``loss`` encodes, compares and returns named losses, and leaves the keys in ``self.keys``, one for each field of the
    bank; they enter it after the update.

    Args:
        queue_size: Slots of the memory bank.
        temperature: τ of the InfoNCE loss.
        **kwargs: Of :class:`MomentumEncoders`.

    Raises:
        ConfigError: If a value is out of its range.
    """

    def __init__(self, *args, queue_size: int = 16384, temperature: float = 0.07, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.temperature = check_positive('temperature', temperature)
        self.bank = MemoryBank(queue_size, self.entity_widths(), self.bank_extras())
        self.keys: dict[str, Tensor] = {}

    def entity_widths(self) -> dict[str, int]:
        """Name to width of the entities' keys in the bank: by default one entity for each embedding of a stream."""
        return self.widths

    def bank_extras(self) -> dict[str, int]:
        """Name to width of what the bank holds beside the entities' keys."""
        return {}

    def encode(self, encoders: nn.ModuleDict, view: Tensor) -> dict[str, Tensor]:
        """Entity to embedding (N, D) of unit length."""
        return {name: F.normalize(z, dim=1) for name, z in self.embed(encoders, view).items()}

    def encode_features(self, encoders: nn.ModuleDict, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Entity to embedding (N, D) of unit length, of each stream's features (N, width)."""
        return {name: F.normalize(z, dim=1) for name, z in self.project(encoders, features).items()}

    def encode_pair(self, query_view: Tensor, key_view: Tensor) -> dict[str, Entity]:
        """The entities of two views (N, M, T, V, C); leaves their keys in ``self.keys``."""
        query = self.encode(self.encoder, query_view)
        with torch.no_grad():
            self.keys = self.encode(self.encoder_k, key_view)
        return self.entities(query)

    def entities(self, query: Mapping[str, Tensor]) -> dict[str, Entity]:
        """The entities of queries, with ``self.keys`` and the bank; leaves the keys to monitors too."""
        names = list(self.bank.entities)
        self.embeddings = {name: self.keys[name] for name in names}
        return {name: Entity(query[name], self.keys[name], self.bank[name]) for name in names}

    def remarks(self, dataset: SkeletonDataset) -> list[str]:
        """Whether the bank holds every clip several times."""
        size, clips = self.bank.size, len(dataset)
        text = (
            f'model.queue_size={size} is more than the {clips} training clips: keys of the same clip are negatives to '
            'each other. Fewer slots than clips are usual.'
        )
        return [text] if size > clips else []


def check_slots(key: str, number: int, bank: MemoryBank) -> None:
    """Raises a ConfigError if a number of neighbours, set by the config key, is not between 1 and the bank's size."""
    if not 1 <= number <= bank.size:
        raise ConfigError(
            f'model.{key}={number} neighbours of queue_size={bank.size} keys: it must lie between 1 and that.'
        )


def check_positive(key: str, number: float) -> float:
    """Raises a ConfigError if a temperature or weight, set by the config key, is not above 0."""
    if not number > 0:
        raise ConfigError(f'model.{key}={number} is not above 0.')
    return number
