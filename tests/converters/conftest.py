from pathlib import Path

import pytest

from mmskelssl.datasets.label_draws import NUM_DRAWS, read_draw

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_converter(run_tool):
    """Runs a script of ``tools/dataset_converters/`` by its name; gives its exit status, output and errors."""

    def run(name, *args):
        status, out, err = run_tool(f'dataset_converters/{name}.py', *args)
        # The progress bar is no message.
        return status, out, ''.join(line for line in err.splitlines(True) if 'Converting' not in line)

    return run


@pytest.fixture
def check_draws():
    """Checks the shipped label draws of a split: their names are clips of it, and balanced ones have all classes."""

    def check(prefix, labels):
        """``labels``: of the split's clips, by their names."""
        for draw in range(NUM_DRAWS):
            for kind in ('random', 'balanced'):
                names = read_draw(ROOT / 'configs' / 'protocols' / 'draws' / f'{prefix}_{kind}.txt.gz', 10, draw)
                assert set(names) <= set(labels) and 0.05 < len(names) / len(labels) < 0.2
                assert kind == 'random' or {labels[name] for name in names} == set(labels.values())

    return check
