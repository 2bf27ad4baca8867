"""What a conversion did, for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ConversionReport:
    """What a conversion did.

    Args:
        num_clips: Clips written.
        splits: Split name to its number of clips.
        skipped: One message for every clip left out.
        repaired: One message for every clip changed.
    """

    num_clips: int
    splits: dict[str, int]
    skipped: list[str]
    repaired: list[str]

    def __str__(self) -> str:
        splits = ', '.join(f'{name} {count}' for name, count in self.splits.items())
        lines = [f'{self.num_clips} clips written; splits: {splits or "none"}.']
        for title, messages in (('repaired', self.repaired), ('skipped', self.skipped)):
            lines += [f'{len(messages)} clips {title}{":" if messages else "."}', *(f'  {m}' for m in messages)]
        return '\n'.join(lines)
