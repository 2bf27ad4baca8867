"""The built-in layouts as a page of tables, for the documentation and for a terminal."""

from __future__ import annotations

from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout

_HEAD = """# Layouts

The joints of the built-in [layouts](own_data.md#layouts), counted from 0. Made by
`python tools/visualization/browse_store.py --layouts > docs/data/layouts.md`.
"""


def layouts_page() -> str:
    """Markdown of all built-in layouts."""
    return '\n'.join([_HEAD, *map(layout_table, LAYOUTS.values())])


def layout_table(layout: SkeletonLayout) -> str:
    """Markdown of one layout: a row per joint with its parent, its mirror image and its group."""

    def named(part: tuple[int, int] | None) -> str:
        return ' – '.join(f'{v} {layout.joints[v]}' for v in part) if part else 'none'

    group = {v: name for name, joints in layout.groups.items() for v in joints}
    rows = [
        f'| {v} | {joint} | {"–" if parent == v else f"{parent} {layout.joints[parent]}"} '
        f'| {"–" if image == v else image} | {group.get(v, "–")} |'
        for v, (joint, parent, image) in enumerate(zip(layout.joints, layout.parents, layout.mirror, strict=True))
    ]
    return '\n'.join(
        [
            f'## {layout.name}',
            '',
            f'{layout.num_joints} joints; centre {layout.center} {layout.joints[layout.center]}; '
            f'spine {named(layout.spine)}; shoulders {named(layout.shoulders)}; up `{layout.up}`.',
            '',
            '| joint | name | parent | mirror | group |',
            '|---|---|---|---|---|',
            *rows,
            '',
        ]
    )
