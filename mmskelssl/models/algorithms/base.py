"""What all momentum-contrast methods share."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.models.entity import Entity
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.modalities import check_layout, get_modality
from mmskelssl.registry import MODELS


class Encoder(nn.Module):
    """A backbone and the neck that projects its feature to the embedding.

    Args:
        backbone: Config; the built module tells its feature's width as ``out_channels``.
        neck: Config; the widths are filled in.
        feat_dim: Width of the embedding.
    """

    def __init__(self, backbone: dict, neck: dict, feat_dim: int) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        width = self.backbone.out_channels
        if neck.get('in_channels', width) != width:
            raise ValueError(
                f'The neck takes {neck["in_channels"]} channels but the backbone gives {width}: leave in_channels of '
                'the neck out.'
            )
        self.neck = MODELS.build(dict(neck, in_channels=width, out_channels=feat_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Views (N, M, T, V, C) to embeddings (N, feat_dim) of unit length."""
        return F.normalize(self.neck(self.backbone(x)), dim=1)


class MomentumContrast(BaseModel):
    """Base of the methods: entities with queries, keys and a bank of past keys (MoCo v2, Chen et al., 2020).

    One query encoder and one momentum encoder for each modality. A method implements :meth:`loss`: it encodes, compares
    and returns named losses, and leaves the keys in ``self.keys``, one for each field of the bank. Nothing else happens
    in a step: ``MomentumUpdateHook`` moves the momentum encoders before it, ``QueueEnqueueHook`` enqueues the keys
    after it. Methods with stages read ``self.epoch``, which ``EpochHook`` keeps.

    Modes of :meth:`forward`: ``loss``; ``tensor``, the query encoders' backbone features of one view; ``predict``, the
    same with the data samples, for evaluators.

    Args:
        backbone: Config of the backbone of every encoder.
        neck: Config of the projection of every encoder, or modality to config where they differ.
        modalities: Modalities learned on.
        layout: Skeleton layout of the data.
        queue_size: Slots of the memory bank.
        feat_dim: Width of the embeddings.
        temperature: τ of the InfoNCE loss.
        momentum: α in ``key = α * key + (1 - α) * query`` for every parameter; 0.999 in the papers.
        data_preprocessor: Config.
        init_cfg: Config.
    """

    num_views = 2

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        modalities: Sequence[str] = ('joint',),
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        queue_size: int = 16384,
        feat_dim: int = 128,
        temperature: float = 0.07,
        momentum: float = 0.999,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or dict(type='SkeletonDataPreprocessor'), init_cfg)
        if not modalities or len(set(modalities)) != len(modalities):
            raise ValueError(f'modalities={modalities}: name each modality once.')
        self.modalities = {name: get_modality(name) for name in modalities}
        self.layout = get_layout(layout)
        self.temperature = temperature
        necks = {name: neck if 'type' in neck else neck[name] for name in modalities}
        self.encoder_q = nn.ModuleDict({name: Encoder(backbone, necks[name], feat_dim) for name in modalities})
        self.momenta: dict[str, float] = {}
        self.add_momentum_encoder('encoder_k', momentum)
        self.bank = MemoryBank(queue_size, self.bank_fields(feat_dim))
        self.keys: dict[str, Tensor] = {}
        self.epoch = 0

    def bank_fields(self, feat_dim: int) -> dict[str, int]:
        """Name to width of what the bank holds: by default the keys of each modality."""
        return dict.fromkeys(self.modalities, feat_dim)

    def add_momentum_encoder(self, name: str, momentum: float) -> None:
        """Adds encoders that follow the query encoders without a gradient, as attribute ``name``."""
        self.momenta[name] = momentum
        setattr(self, name, copy.deepcopy(self.encoder_q).requires_grad_(False))

    def init_weights(self) -> None:
        super().init_weights()
        for name in self.momenta:
            getattr(self, name).load_state_dict(self.encoder_q.state_dict())

    def forward(
        self, inputs: Sequence[Tensor] | Tensor, data_samples: dict | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[dict]:
        """Runs the model.

        Args:
            inputs: Views (N, M, T, V, C); modes other than ``loss`` take one, also by itself.
            data_samples: Tensors (N,) of the dataset, handed on by mode ``predict``.
            mode: ``loss``, ``tensor`` or ``predict``.

        Returns:
            ``loss``: name to scalar. ``tensor``: modality to (N, D) feature. ``predict``: a list of one dict that
            holds ``features`` and the data samples.
        """
        if mode == 'loss':
            if len(inputs) != self.num_views:
                raise ValueError(
                    f'{type(self).__name__} learns from {self.num_views} views, but got {len(inputs)}: set num_views '
                    'of MultiView in the training pipeline.'
                )
            return self.loss(inputs, data_samples)
        features = self.extract(inputs if isinstance(inputs, Tensor) else inputs[0])
        if mode == 'tensor':
            return features
        if mode == 'predict':
            return [dict(data_samples or {}, features=features)]
        raise ValueError(f"Unknown mode '{mode}': modes are 'loss', 'tensor' and 'predict'.")

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Named losses (scalars) of a batch of views; leaves the keys in ``self.keys``."""
        raise NotImplementedError

    def split_modalities(self, view: Tensor) -> dict[str, Tensor]:
        """Modality to its input (N, M, T, V, C)."""
        check_layout(view, self.layout)
        return {name: derive(view, self.layout) for name, derive in self.modalities.items()}

    def extract(self, view: Tensor) -> dict[str, Tensor]:
        """Modality to the backbone feature (N, D) of its query encoder."""
        return {name: self.encoder_q[name].backbone(x) for name, x in self.split_modalities(view).items()}

    def encode(self, encoders: nn.ModuleDict, view: Tensor) -> dict[str, Tensor]:
        """Modality to the embedding (N, feat_dim) of its encoder."""
        return {name: encoders[name](x) for name, x in self.split_modalities(view).items()}

    def entities(self, query_view: Tensor, key_view: Tensor) -> dict[str, Entity]:
        """One entity a modality from two views (N, M, T, V, C); leaves the keys for the bank."""
        query = self.encode(self.encoder_q, query_view)
        with torch.no_grad():
            self.keys = key = self.encode(self.encoder_k, key_view)
        return {name: Entity(query[name], key[name], self.bank[name]) for name in self.modalities}

    @torch.no_grad()
    def momentum_update(self) -> None:
        """Moves the momentum encoders towards the query encoders. Their batch statistics stay their own."""
        for name, momentum in self.momenta.items():
            followers = list(getattr(self, name).parameters())
            torch._foreach_lerp_(followers, list(self.encoder_q.parameters()), weight=1 - momentum)


def check_slots(key: str, number: int, bank: MemoryBank) -> None:
    """Raises a ValueError if a number of neighbours, set by the config key, is not between 1 and the bank's size."""
    if not 1 <= number <= bank.size:
        raise ValueError(f'{key}={number} neighbours of queue_size={bank.size} keys: it must lie between 1 and that.')
