"""Numbers of what is not a number are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mmskelssl.utils.errors import NonFiniteError


def check_finite(values: Mapping[str, Tensor], positions: Sequence[int], names: Sequence[str] | None = None) -> None:
    """Refuses features or scores that are not finite.

    Args:
        values: Name of a stream, or ``scores``, to (N, ...).
        positions: (N,) of the clips in their data set.
        names: Of all clips of the data set.

    Raises:
        NonFiniteError: That names the first clip concerned.
    """
    for name, value in values.items():
        bad = (~value.flatten(1).isfinite().all(1)).nonzero().flatten().tolist()
        if bad:
            first = positions[bad[0]] if names is None else names[positions[bad[0]]]
            raise NonFiniteError(
                f'{"Scores" if name == "scores" else f"Features of {name}"} are not finite for {len(bad)} of '
                f'{len(value)} clips, such as {first}: the weights, or this clip, are of no use. What to do: '
                'docs/troubleshooting.md, "Bad numbers".'
            )
