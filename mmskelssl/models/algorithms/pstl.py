"""PSTL (Zhou et al., Self-supervised Action Representation Learning from Partial Spatio-Temporal Skeleton Sequences,
AAAI 2023).

The equations are those of the official program: of the paper, only abstract and tables were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmskelssl.models.algorithms.barlow_twins import BarlowTwins
from mmskelssl.models.losses import barlow_twins
from mmskelssl.models.partial import keep_outer_joints, ordered_subset, still_frames, take_frames
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError, check_at_least


class Draws(NamedTuple):
    """What is kept of N clips.

    Args:
        frames: (N, T - 2 * mask_frames) positions, rising, among the T - mask_frames frames that move least.
        joints: (N, V - mask_joints) joints, rising.
    """

    frames: Tensor
    joints: Tensor


@MODELS.register_module()
class PSTL(BarlowTwins):
    """A whole view is drawn to one that lacks frames and to one that lacks joints, by the loss of :class:`BarlowTwins`.

    Takes views in the order whole, temporal, spatial. Streams learn by themselves, each of its own still frames.

    Args:
        mask_frames: Frames that are cut out because most moves after them, and frames that are then cut out by chance.
        mask_joints: Joints that are left out of the graph, in proportion to the number of their bones.
        redundancy_weight: λ; 2e-4 in the program.
        **kwargs: Of :class:`SelfSupervised`.

    Raises:
        ConfigError: If nothing would be left, or a backbone does not run on a subgraph.
    """

    num_views = 3

    def __init__(
        self, *args, mask_frames: int = 10, mask_joints: int = 8, redundancy_weight: float = 2e-4, **kwargs
    ) -> None:
        super().__init__(*args, redundancy_weight=redundancy_weight, **kwargs)
        check_at_least(0, self, mask_frames=mask_frames, mask_joints=mask_joints)
        if mask_joints >= self.layout.num_joints:
            raise ConfigError(
                f'model.mask_joints={mask_joints} leaves nothing of the {self.layout.num_joints} joints of layout '
                f"'{self.layout.name}': leave out fewer."
            )
        for name in self.streams:
            backbone = self.encoder[name].backbone
            if not hasattr(backbone, 'subgraph_map'):
                raise ConfigError(
                    f'PSTL leaves joints out of a graph, and {type(backbone).__name__} does not run on a part of one: '
                    'take STGCN as the backbone.'
                )
        self.mask_frames = mask_frames
        self.mask_joints = mask_joints

    def loss(
        self, inputs: Sequence[Tensor], data_samples: dict | None = None, draws: Draws | None = None
    ) -> dict[str, Tensor]:
        """Losses ``loss_{entity}_{temporal, spatial}`` of three views, each (N, M, T, V, C).

        Args:
            inputs: The views.
            data_samples: With the clips' ``keys`` (N,), of which all is drawn. Without, torch draws them.
            draws: In the place of the keys.
        """
        frames, joints = draws or self.draw(inputs[1], data_samples)
        whole, temporal, spatial = map(self.split, inputs)
        backbones = {name: self.encoder[name].backbone for name in self.streams}
        anchor = self.embedded({a: backbone(whole[a]) for a, backbone in backbones.items()})
        cut = self.embedded({a: backbone(self.cut(temporal[a], frames)) for a, backbone in backbones.items()})
        maps = {a: backbone.subgraph_map(spatial[a], joints) for a, backbone in backbones.items()}
        left_out = self.embedded({a: backbone.pool(maps[a]) for a, backbone in backbones.items()})
        self.embeddings = {name: z.detach() for name, z in anchor.items()}
        return {
            f'loss_{name}_{kind}': barlow_twins(z, partial[name], self.redundancy_weight)
            for name, z in anchor.items()
            for kind, partial in dict(temporal=cut, spatial=left_out).items()
        }

    def embedded(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Entity to embeddings (N, D) of the streams' features, for all N clips of all processes."""
        return self.gathered(self.project(self.encoder, features))

    def cut(self, x: Tensor, frames: Tensor) -> Tensor:
        """Views (N, M, K, V, C) of the drawn ones (N, K) among the still frames of (N, M, T, V, C)."""
        return take_frames(x, still_frames(x, x.shape[2] - self.mask_frames).gather(1, frames))

    @torch.compiler.disable  # keys wrap around, which the compiler takes for an overflow
    def draw(self, view: Tensor, data_samples: dict | None) -> Draws:
        """What is kept of the clips of a view (N, M, T, V, C).

        Raises:
            ConfigError: If the view is too short.
        """
        num_frames = view.shape[2]
        if num_frames <= 2 * self.mask_frames:
            raise ConfigError(
                f'model.mask_frames={self.mask_frames} are cut out twice, and the views have {num_frames} frames: '
                f'cut out fewer than {-(-num_frames // 2)}.'
            )
        random = self.random(view, data_samples)
        frames = ordered_subset(random.uniform(num_frames - self.mask_frames), num_frames - 2 * self.mask_frames)
        of_joints = random.uniform(self.layout.num_joints)
        return Draws(frames, keep_outer_joints(self.layout, of_joints, self.layout.num_joints - self.mask_joints))
