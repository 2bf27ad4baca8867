"""Says what a clip shows, or which clips of a store are most like it."""

import argparse
import sys
from pathlib import Path

import numpy as np

from mmskelssl.apis import SkeletonInferencer, init_model, list_models
from mmskelssl.apis.inferencer import Neighbours
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets import ClipStore
from mmskelssl.utils.errors import ClipError, ConfigError


def main() -> int:
    known = list_models(pretrained=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'clip', help='a .skeleton file, a .npy array (M, T, V, C) or (T, V, C) in metres, or a clip store'
    )
    parser.add_argument(
        '--model',
        help=f'checkpoint, or the name of one that comes with the package: {", ".join(known)} '
        '(default: the one for skeletons like that of the clip)',
    )
    parser.add_argument('--gallery', metavar='STORE', help='name its clips that are most like the clip, and no class')
    parser.add_argument('--split', help='of the gallery (default: all of its clips)')
    parser.add_argument('--k', type=int, default=5, help='classes or neighbours (default: 5)')
    return exit_status(lambda: infer(parser.parse_args()))


def infer(args: argparse.Namespace) -> None:
    clip = read(args.clip)
    name = args.model or fitting(clip)
    is_shipped = name in list_models(pretrained=True)
    config, checkpoint = (name, None) if is_shipped else (None, name)
    inferencer = SkeletonInferencer(
        config, checkpoint, gallery=args.gallery, gallery_split=args.split, pretrained=is_shipped
    )
    print(f'by {name}')
    answers = inferencer.neighbours(clip, args.k) if args.gallery else inferencer(clip, args.k)
    for answer in answers:
        print(answer.name)
        if isinstance(answer, Neighbours):
            rows = zip(answer.similarities, answer.names, answer.labels, strict=True)
        else:
            rows = zip(answer.scores, answer.labels, strict=True)
        for number, *words in rows:
            print(f'  {number:.3f}  {", ".join(words)}')


def read(path: str) -> str | np.ndarray | ClipStore:
    """What the inferencer takes."""
    if Path(path).suffix == '.skeleton':
        return path
    if Path(path).suffix != '.npy':
        return ClipStore(path)
    try:
        return np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ClipError(f'{path} is not an array of numbers: {error}.') from error


def fitting(clip: str | np.ndarray | ClipStore) -> str:
    """The model of the package for skeletons like that of a clip.

    Raises:
        ConfigError: If there is none, or several.
    """
    layouts = {name: init_model(name, pretrained=True).layout for name in list_models(pretrained=True)}
    if isinstance(clip, np.ndarray):
        joints = clip.shape[-2] if clip.ndim in (3, 4) else 0
        what, found = f'{joints} joints', [name for name, own in layouts.items() if own.num_joints == joints]
    else:
        what = clip.layout.name if isinstance(clip, ClipStore) else 'ntu25'
        found = [name for name, layout in layouts.items() if layout.name == what]
    if len(found) != 1:
        raise ConfigError(
            f'{len(found)} models of the package are for skeletons of {what}: give --model, a checkpoint or one of '
            f'{", ".join(layouts)}.'
        )
    return found[0]


if __name__ == '__main__':
    sys.exit(main())
