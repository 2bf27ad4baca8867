import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError


class Recordings(Reader):
    """Two sources: one that ends in an error after two clips, and one with an error in its midst."""

    layout, classes, source = NTU25, ['a'], {}

    def __len__(self):
        return 2

    def read(self, index):
        yield RawClip(f'{index} first', 0, np.ones((1, 2, 25, 3)))
        if index:
            yield ClipError('in its midst')
        yield RawClip(f'{index} last', 0, np.ones((1, 2, 25, 3)))
        if not index:
            raise ClipError('at its end')

    def splits(self, clips):
        return {}


def names(outcomes):
    return [getattr(outcome, 'name', str(outcome)) for outcome in outcomes]


def test_iterating_gives_all_clips_and_errors_in_order():
    first, second = ['0 first', '0 last', 'at its end'], ['1 first', 'in its midst', '1 last']
    assert names(Recordings()) == [*first, *second]
    assert names(Recordings().outcomes(1)) == second
    assert names(Recordings().outcomes(0)) == first
