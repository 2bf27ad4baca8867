"""Views and keys of fixed seeds, for tests of augmentations."""

import torch

from mmskelssl.datasets.keyed_random import KeyedRandom
from mmskelssl.datasets.layouts import NTU25


def keyed(number, seed=0):
    return KeyedRandom(torch.randint(-(2**62), 2**62, (number,), generator=torch.Generator().manual_seed(seed)))


def views(number, *shape):
    return torch.randn(number, *(shape or (2, 8, 25, 3)), generator=torch.Generator().manual_seed(number))


def apply(transform, view, seed=0, layout=NTU25):
    return transform(dict(inputs=view, random=keyed(len(view), seed), layout=layout))['inputs']


def matrices_of(before, after):
    """The matrix (N, 3, 3) of each clip by least squares, and what it leaves unexplained."""
    x, y = before.flatten(1, -2).double(), after.flatten(1, -2).double()
    solution = torch.linalg.lstsq(x, y).solution
    return solution.transpose(1, 2), (x @ solution - y).abs().max()
