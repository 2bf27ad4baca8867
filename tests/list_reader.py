"""A reader of clips that a test makes up, and some of them, good and bad."""

import numpy as np

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.utils.errors import ClipError


def body(seed=0, persons=1, frames=4):
    return 0.3 * np.random.default_rng(seed).standard_normal((persons, frames, 25, 3)).astype(np.float32)


def with_gap(seed=0):
    clip = body(seed, 3)
    clip[1] = 0
    return clip


class ListReader(Reader):
    """A reader of what it is given, one source each; cameras below 3 train."""

    layout, classes, source = NTU25, ['a', 'b'], dict(dataset='made up')

    def __init__(self, *clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def read(self, index):
        if isinstance(self.clips[index], ClipError):
            raise self.clips[index]
        return [self.clips[index]]

    def splits(self, clips):
        assert all(clip.clip.size == 0 for clip in clips)
        return {'train': [i for i, clip in enumerate(clips) if clip.attributes['camera'] < 3]}


def raw(name, label=0, clip=None, camera=1):
    return RawClip(name, label, body() if clip is None else clip, dict(camera=camera))


MIXED = [
    raw('first', 1),
    raw('joints', clip=np.ones((1, 4, 20, 3))),
    raw('gap', clip=with_gap(), camera=3),
    ClipError("Clip 'unreadable' cannot be read."),
    raw('label', 5),
    raw('nobody', clip=np.zeros((2, 4, 25, 3))),
    raw('flat', clip=np.ones((4, 75))),
    raw('last', 0, body(7)),
]
SKIPPED = ['joints', 'unreadable', 'label', 'nobody', 'flat']
