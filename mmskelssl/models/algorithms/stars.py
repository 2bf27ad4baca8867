"""STARS (2407.10935): nearest-neighbour contrast that tunes the upper layers of a pre-trained encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmskelssl.models.algorithms.banked import Banked
from mmskelssl.models.algorithms.momentum import check_positive, check_slots
from mmskelssl.models.distributed import gather_clips, gather_rows
from mmskelssl.models.losses import nearest_neighbours, neighbour_nce
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.pretrained import freeze_lower_layers, load_pretrained
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


@MODELS.register_module()
class STARS(Banked):
    """The neighbour of one view among past embeddings finds the prediction made from the other view.

    The projector is one batch normalization, the predictor has two layers. There is no momentum encoder, and gradients
    go through predictions only.

    Args:
        backbone: Config of a backbone that tells its layers, such as :class:`~mmskelssl.models.SkeletonTransformer`.
        pretrained: Checkpoint of a pre-trained method with the same streams; training does not start without.
        learning_layers: Upper blocks that learn, with the norm after them; None for all layers.
        predictor_channels: Width between the predictor's layers.
        queue_size: Slots of the memory bank.
        temperature: τ.
        num_neighbors: One of the k nearest neighbours is drawn.
        both_directions: Whether predictions of both views learn, as in the paper. In the official program only those of
            the first do, from half of their loss.
        num_views: 2, or 1: without augmentations both views are the same clip, and one pass gives the numbers of two.
        **kwargs: Of :class:`SelfSupervised`.

    Raises:
        ConfigError: If a value is out of its range.
    """

    def __init__(
        self,
        backbone: dict | None = None,
        *,
        pretrained: str | None = None,
        learning_layers: int | None = None,
        predictor_channels: int = 4096,
        queue_size: int = 32768,
        temperature: float = 0.07,
        num_neighbors: int = 1,
        both_directions: bool = True,
        num_views: int = 2,
        **kwargs,
    ) -> None:
        super().__init__(backbone, **kwargs)
        if num_views not in (1, 2):
            raise ConfigError(f'model.num_views={num_views} is neither 1 nor 2.')
        self.num_views = num_views
        self.pretrained = pretrained
        self.temperature = check_positive('temperature', temperature)
        self.num_neighbors = num_neighbors
        self.both_directions = both_directions
        self.projector = nn.ModuleDict({name: nn.BatchNorm1d(width) for name, width in self.widths.items()})
        self.predictor = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(width, predictor_channels, bias=False),
                    nn.BatchNorm1d(predictor_channels),
                    nn.ReLU(),
                    nn.Linear(predictor_channels, width),
                )
                for name, width in self.widths.items()
            }
        )
        self.bank = MemoryBank(queue_size, self.widths, numbers=['clip'])
        check_slots('num_neighbors', num_neighbors, self.bank)
        self.keys = {}
        if learning_layers is not None:
            for name in self.streams:
                freeze_lower_layers(self.encoder[name].get_submodule('backbone'), learning_layers)

    def init_weights(self) -> None:
        """Takes over the pre-trained backbones.

        Raises:
            ConfigError: If none is named.
            CheckpointError: If the file is unreadable or does not fit.
        """
        super().init_weights()
        if not self.pretrained:
            raise ConfigError(
                'STARS tunes a pre-trained encoder: set model.pretrained to a checkpoint, such as one of MAMP.'
            )
        load_pretrained(self.pretrained, self.encoder, self.layout)

    def loss(
        self,
        inputs: Sequence[Tensor],
        data_samples: dict | None = None,
        draws: Sequence[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Losses ``loss_{stream}`` of one or two views, each (N, M, T, V, C).

        Args:
            inputs: The views.
            data_samples: With the clips' numbers, ``index`` (N,), by which a clip passes over itself in the bank, and
                their ``keys`` (N,), of which neighbours are drawn.
            draws: For each view, which (N,) of the k nearest neighbours of its embeddings are taken; in the place of
                the keys.
        """
        samples = data_samples or {}
        clips = samples.get('index', torch.full((len(inputs[0]),), -1))[:, None].to(self.bank['clip'])
        heads = [self.heads(view) for view in inputs]
        first, second = heads[0], heads[-1]
        is_own = (clips == self.bank['clip'].T) & (clips >= 0)
        chosen = draws or self.draw(inputs[0], samples)
        losses = {}
        for name in self.streams:
            (p_a, z_a), (p_b, z_b) = first[name], second[name]
            ab = self.contrast(name, p_a, z_b, is_own, chosen[1])
            ba = self.contrast(name, p_b if self.both_directions else p_b.detach(), z_a, is_own, chosen[0])
            losses[f'loss_{name}'] = (ab + ba) / 2
        self.embeddings = {name: z.detach() for name, (_, z) in first.items()}
        self.keys = dict(self.embeddings, clip=clips)
        return losses

    def heads(self, view: Tensor) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Stream to predictions p and embeddings z, both (N, D) and of unit length."""
        out = {}
        for name, feature in self.extract(view).items():
            z = self.projector[name](feature)
            out[name] = F.normalize(self.predictor[name](z), dim=1), F.normalize(z, dim=1)
        return out

    def contrast(self, name: str, p: Tensor, z: Tensor, is_own: Tensor, chosen: Tensor) -> Tensor:
        """The loss of predictions p of one view, found by the neighbours of the embeddings z of the other."""
        past = self.bank[name]
        slots = nearest_neighbours(z.detach(), past, is_own, self.num_neighbors)
        slot = slots.gather(1, chosen[:, None])[:, 0]
        return neighbour_nce(gather_clips(p), gather_rows(past[slot]), temperature=self.temperature)

    @torch.compiler.disable  # keys wrap around, which the compiler takes for an overflow
    def draw(self, view: Tensor, data_samples: dict) -> tuple[Tensor, Tensor]:
        """Which (N,) of the k nearest neighbours each view's embeddings take: functions of the clips' keys."""
        random = self.random(view, data_samples)
        return random.integers(self.num_neighbors), random.integers(self.num_neighbors)
