"""Says what a clip shows, or which clips of a store are most like it."""

import argparse
import sys

import numpy as np

from mmskelssl.apis import SkeletonInferencer, init_model, list_models
from mmskelssl.apis.inferencer import Neighbours
from mmskelssl.apis.inputs import named_clips
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets import ClipStore
from mmskelssl.utils.errors import ConfigError


def main() -> int:
    known = list_models(pretrained=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'clip',
        help='a .skeleton file, a .npy array (M, T, V, C), (T, V, C) or (N, M, T, V, C) in metres, or a clip store',
    )
    parser.add_argument(
        '--model',
        help=f'checkpoint, an exported file (.onnx, .pt2), or the name of one in the package: {", ".join(known)} '
        '(default: the one for skeletons like that of the clip)',
    )
    parser.add_argument('--gallery', metavar='STORE', help='name its clips that are most like the clip, and no class')
    parser.add_argument('--split', help='of the gallery (default: all of its clips)')
    parser.add_argument('--k', type=int, default=5, help='classes or neighbours (default: 5)')
    return exit_status(lambda: infer(parser.parse_args()))


def infer(args: argparse.Namespace) -> None:
    name = args.model or fitting(named_clips(args.clip)[1])
    is_shipped = name in list_models(pretrained=True)
    config, checkpoint = (name, None) if is_shipped else (None, name)
    inferencer = SkeletonInferencer(
        config, checkpoint, gallery=args.gallery, gallery_split=args.split, pretrained=is_shipped
    )
    print(f'by {name}')
    answers = inferencer.neighbours(args.clip, args.k) if args.gallery else inferencer(args.clip, args.k)
    for answer in answers:
        print(answer.name)
        if isinstance(answer, Neighbours):
            rows = zip(answer.similarities, answer.names, answer.labels, strict=True)
        else:
            rows = zip(answer.scores, answer.labels, strict=True)
        for number, *words in rows:
            print(f'  {number:.3f}  {", ".join(words)}')
    print(inferencer.speed)


def fitting(clips: list[np.ndarray] | ClipStore) -> str:
    """The model of the package for skeletons like those of clips.

    Raises:
        ConfigError: If there is none, or several.
    """
    layouts = {name: init_model(name, pretrained=True).layout for name in list_models(pretrained=True)}
    if isinstance(clips, ClipStore):
        what, found = clips.layout.name, [name for name, layout in layouts.items() if layout == clips.layout]
    else:
        joints = clips[0].shape[-2] if clips[0].ndim in (3, 4) else 0
        what, found = f'{joints} joints', [name for name, own in layouts.items() if own.num_joints == joints]
    if len(found) != 1:
        raise ConfigError(
            f'{len(found)} models of the package are for skeletons of {what}: give --model, a checkpoint or one of '
            f'{", ".join(layouts)}.'
        )
    return found[0]


if __name__ == '__main__':
    sys.exit(main())
