"""What all self-supervised methods share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import SkeletonLayout
from mmskelssl.models.base import SkeletonModel
from mmskelssl.models.encoder import Encoder, build_backbone
from mmskelssl.models.modalities import check_layout, get_modality
from mmskelssl.utils.errors import ConfigError, check_at_least

# Views take the first branches of a clip's randomness.
_METHOD_BRANCH = 1 << 20


class SelfSupervised(SkeletonModel):
    """Base of the methods: streams, each an encoder on a modality. A method implements :meth:`loss`.

    ``loss`` changes nothing but what it leaves in ``self.embeddings``, which monitors watch, and what its family says.
    Stages read ``self.epoch``.

    Modes of :meth:`forward`: ``loss``; ``tensor``, the backbones' features of one view; ``predict``, the same with the
    data samples, for evaluators.

    Args:
        backbone: Config of the backbone of every stream; it is handed layout and persons.
        neck: Config of what projects features to embeddings; None hands the feature on; name to config for several
            necks, each of which may say the ``pooling`` of the backbone that it works on.
        modalities: Short for one stream for each of them, of the same name.
        streams: Name to ``dict(modality=..., backbone=..., neck=...)``, so that two encoders may share a modality; what
            is left out is as above.
        layout: Skeleton layout of the data.
        num_persons: M of the views.
        feat_dim: Width of the embeddings.
        data_preprocessor: Config of the step that makes views.
        init_cfg: Config.

    Examples:
        >>> import torch
        >>> from mmskelssl.models import SkeletonCLR
        >>> model = SkeletonCLR(dict(type='BiGRU', hidden_channels=8), queue_size=16)
        >>> views = [torch.randn(4, 2, 10, 25, 3) for _ in range(2)]  # clips, persons, frames, joints, coordinates
        >>> list(model(views, mode='loss')), model(views[0])['joint'].shape
        (['loss_joint'], torch.Size([4, 16]))
    """

    num_views = 2

    def __init__(
        self,
        backbone: dict | None = None,
        neck: dict | None = None,
        modalities: Sequence[str] = ('joint',),
        streams: Mapping[str, Mapping] | None = None,
        layout: str | Mapping | SkeletonLayout = 'ntu25',
        num_persons: int = 2,
        feat_dim: int = 128,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_persons, data_preprocessor, init_cfg)
        check_at_least(1, self, feat_dim=feat_dim)
        if len(set(modalities)) != len(modalities):
            raise ConfigError(f'model.modalities={list(modalities)}: name each modality once.')
        parts = {
            name: dict(dict(modality=name, backbone=backbone, neck=neck), **stream)
            for name, stream in (streams or dict.fromkeys(modalities, {})).items()
        }
        if not parts:
            raise ConfigError('The model has no streams: name at least one in model.modalities.')
        if without := [name for name, part in parts.items() if part['backbone'] is None]:
            raise ConfigError(f'Streams {without} have no backbone: set model.backbone, or that of each stream.')
        self.modality = {name: part['modality'] for name, part in parts.items()}
        self.derive = {modality: get_modality(modality) for modality in self.modality.values()}
        self.encoder = nn.ModuleDict(
            {
                name: Encoder(
                    build_backbone(part['backbone'], self.layout, num_persons, part['modality']), part['neck'], feat_dim
                )
                for name, part in parts.items()
            }
        )

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams."""
        return tuple(self.modality)

    @property
    def widths(self) -> dict[str, int]:
        """Name to width of every embedding: a stream's own, or of each of its necks as ``{stream}_{neck}``."""
        return {_joined(a, neck): width for a in self.streams for neck, width in self.encoder[a].widths.items()}

    def forward(
        self, inputs: Sequence[Tensor] | Tensor, data_samples: dict | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[dict]:
        """Runs the model.

        Args:
            inputs: Views (N, M, T, V, C); modes other than ``loss`` take one, also by itself.
            data_samples: Tensors (N,) of the dataset, handed on by mode ``predict``.
            mode: ``loss``, ``tensor`` or ``predict``.

        Returns:
            ``loss``: name to scalar. ``tensor``: stream to (N, D) feature. ``predict``: a list of one dict that holds
            ``features`` and the data samples.

        Raises:
            ConfigError: If the number of views is not what the method learns from.
        """
        views = [inputs] if isinstance(inputs, Tensor) else inputs
        if mode == 'loss':
            if len(views) != self.num_views:
                raise ConfigError(
                    f'{type(self).__name__} learns from {self.num_views} views, but got {len(views)}: set num_views '
                    'of MultiView in data_preprocessor.train_pipeline.'
                )
            return check_losses(self, self.loss(views, data_samples))
        features = self.extract(views[0])
        if mode == 'tensor':
            return features
        if mode == 'predict':
            return [dict(data_samples or {}, features=features)]
        raise ValueError(f"Unknown mode '{mode}': modes are 'loss', 'tensor' and 'predict'.")

    def loss(self, inputs: Sequence[Tensor], data_samples: dict | None = None) -> dict[str, Tensor]:
        """Named losses (scalars) of a batch of views."""
        raise NotImplementedError

    def split(self, view: Tensor) -> dict[str, Tensor]:
        """Stream to its input (N, M, T, V, C)."""
        check_layout(view, self.layout)
        inputs = {modality: derive(view, self.layout) for modality, derive in self.derive.items()}
        return {name: inputs[modality] for name, modality in self.modality.items()}

    @staticmethod
    def random(view: Tensor, data_samples: Mapping | None) -> KeyedRandom:
        """What a method draws of the clips of a view (N, ...), a function of their ``keys`` (N,) alone; where there are
        none, torch draws them.
        """
        keys = (data_samples or {}).get('keys')
        if keys is None:
            keys = torch.randint(1 << 62, (len(view),), device=view.device)
        return KeyedRandom(keys).fork(_METHOD_BRANCH)

    def extract(self, view: Tensor) -> dict[str, Tensor]:
        """Stream to the feature (N, D) of its backbone."""
        return {name: self.encoder[name].backbone(x) for name, x in self.split(view).items()}

    def embed(self, encoders: nn.ModuleDict, view: Tensor) -> dict[str, Tensor]:
        """Names of :attr:`widths` to embeddings (N, D), not normalized."""
        return {_joined(name, neck): z for name, x in self.split(view).items() for neck, z in encoders[name](x).items()}

    def project(self, encoders: nn.ModuleDict, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Names of :attr:`widths` to embeddings (N, D), not normalized, of each stream's features (N, width)."""
        return {
            _joined(name, neck): z
            for name, feature in features.items()
            for neck, z in encoders[name].project({None: feature}).items()
        }


def _joined(stream: str, neck: str) -> str:
    return f'{stream}_{neck}' if neck else stream


def check_losses(model: nn.Module, losses: object) -> dict[str, Tensor]:
    """What ``loss`` of a method returned, if it is what it has to be.

    Raises:
        TypeError: If it is not a dict of tensors with a ``loss`` in one of their names; the message says what it is.
    """
    who, wanted = f'{type(model).__name__}.loss', "it has to return a dict such as {'loss_joint': tensor}"
    if not isinstance(losses, Mapping):
        raise TypeError(f'{who} returned a {type(losses).__name__}: {wanted}.')
    if wrong := [name for name, value in losses.items() if not isinstance(value, Tensor)]:
        raise TypeError(f'{who} returned {wrong[0]}={losses[wrong[0]]!r}, not a tensor: {wanted}.')
    if not any('loss' in name for name in losses):
        raise TypeError(f"{who} returned {list(losses)}, none with 'loss' in its name: {wanted}.")
    return dict(losses)
