"""Names of official checkpoints, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from mmskelssl.utils.errors import CheckpointError


def rename(weights: Mapping[str, Tensor], patterns: Mapping[str, str], drop: str = '') -> dict[str, Tensor]:
    """Weights under the names that regular expressions, each with a template, give them.

    Args:
        weights: Official name to tensor.
        patterns: Tried in their order.
        drop: Expression of names that are left out.

    Raises:
        CheckpointError: If a name is none of them.
    """
    renamed = {}
    for name, value in weights.items():
        if drop and re.fullmatch(drop, name):
            continue
        for pattern, target in patterns.items():
            if match := re.fullmatch(pattern, name):
                renamed[match.expand(target)] = value
                break
        else:
            raise CheckpointError(f'Unknown key {name} in an encoder of the official checkpoint.')
    return renamed
