"""Decoders, whose model says what they work on."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


def build_decoder(decoder: Mapping, **known: int) -> nn.Module:
    """Builds a decoder and hands it what the model knows.

    Raises:
        ConfigError: If the config says some of that itself.
    """
    if said := sorted(known.keys() & decoder.keys()):
        raise ConfigError(f'model.decoder says {", ".join(said)}: leave it out, the model says it.')
    return MODELS.build(dict(decoder, **known))
