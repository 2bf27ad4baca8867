"""Weights of pre-trained backbones."""

from __future__ import annotations

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.utils.checkpoints import check_weights, checkpoint_config
from mmskelssl.utils.errors import CheckpointError, ConfigError


def pretrained_backbone(filename: str, stream: str, backbone: nn.Module) -> dict[str, Tensor]:
    """The weights of a method's backbone, or of a classifier's, checked against the backbone that is to take them.

    A backbone with ``resized(weights)`` fits them to its own size first, such as tables of positions.

    Args:
        filename: Checkpoint.
        stream: Whose backbone; a classifier has one only.
        backbone: What it must fit.

    Raises:
        CheckpointError: If it does not fit; the message says what differs.
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location='cpu', logger='silent')
    weights = checkpoint.get('state_dict', checkpoint)
    prefixes = (f'encoder.{stream}.backbone.', 'backbone.')
    prefix = next((p for p in prefixes if any(key.startswith(p) for key in weights)), None)
    if prefix is None and not backbone.state_dict():
        return {}
    if prefix is None:
        streams = sorted({key.split('.')[1] for key in weights if key.startswith('encoder.')})
        raise CheckpointError(
            f"{filename} holds no backbone of '{stream}'. It holds {streams or 'no pre-trained method'}."
        )
    taken = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    if hasattr(backbone, 'resized'):
        taken = backbone.resized(taken)
    check_weights(taken, backbone, f'The backbone in {filename}')
    return taken


def check_pretrained_layout(filename: str, layout: SkeletonLayout) -> None:
    """Refuses a checkpoint whose config says that it was trained on another skeleton.

    Raises:
        CheckpointError: If so; two skeletons may have as many joints, so that weights alone would fit.
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location='cpu', logger='silent')
    if not checkpoint.get('meta', {}).get('cfg'):
        return
    theirs = get_layout(checkpoint_config(checkpoint, filename).model.get('layout', layout))
    if theirs != layout:
        raise CheckpointError(
            f"{filename} was trained on layout '{theirs.name}', the model has '{layout.name}': take a checkpoint of "
            'the same skeleton, or set model.layout.'
        )


def load_pretrained(filename: str, encoders: nn.ModuleDict, layout: SkeletonLayout) -> None:
    """Gives the backbone of every stream the weights of a pre-trained method's stream of the same name.

    Raises:
        CheckpointError: If the file is unreadable, of another skeleton, or does not fit.
    """
    check_pretrained_layout(filename, layout)
    for name, encoder in encoders.items():
        backbone = encoder.get_submodule('backbone')
        backbone.load_state_dict(pretrained_backbone(filename, name, backbone))


def freeze_lower_layers(backbone: nn.Module, learning_layers: int) -> None:
    """Leaves only the last blocks of a backbone, and what follows them, to learn.

    Raises:
        ConfigError: If the backbone does not tell its layers, or has fewer.
    """
    if not hasattr(backbone, 'layer_of'):
        raise ConfigError(
            f'model.learning_layers={learning_layers}: {type(backbone).__name__} does not tell its layers. Leave '
            'learning_layers out.'
        )
    if not 0 <= learning_layers < backbone.num_layers:
        raise ConfigError(
            f'model.learning_layers={learning_layers}: the backbone has {backbone.num_layers - 1} blocks.'
        )
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(backbone.layer_of(name) >= backbone.num_layers - learning_layers)
