"""Draws clips of a config's training set before and after augmentation, as pictures and animations."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset
from mmskelssl.registry import DATASETS, MODELS
from mmskelssl.utils import ConfigError, UserError, register_all_modules
from mmskelssl.utils.config import add_config_arguments, load_config
from mmskelssl.utils.progress import track
from mmskelssl.visualization import animate, draw_frames, save_figure


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('--output-dir', type=Path, required=True, help='folder for the pictures')
    parser.add_argument('--num', type=int, default=4, help='how many clips, drawn at random (default: 4)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice and of the augmentation (default: 0)')
    parser.add_argument('--frames', type=int, default=8, help='frames of each clip in a picture (default: 8)')
    parser.add_argument('--fps', type=float, default=20, help='frames per second of the animations (default: 20)')
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    if args.frames < 1 or not 1 <= args.fps <= 50:
        raise UserError('set --frames to 1 or more, and --fps to 1 to 50.')
    cfg = load_config(args)
    dataset_cfg = cfg.get('train_dataloader', {}).get('dataset')
    if dataset_cfg is None:
        raise ConfigError(f'Config {args.config} has no train_dataloader.dataset to draw.')
    register_all_modules()
    dataset: SkeletonDataset = DATASETS.build(dataset_cfg)
    if 'data_preprocessor' not in cfg:
        raise ConfigError(
            f'Config {args.config} has no data_preprocessor that makes views: take one of configs/_base_/views.'
        )
    num_persons = cfg.get('model', {}).get('num_persons')
    preprocessor = MODELS.build(dict(cfg.data_preprocessor, layout=dataset.layout, num_persons=num_persons))
    if not 1 <= args.num <= len(dataset):
        raise ConfigError(f'--num {args.num}: the training set of {args.config} has {len(dataset)} clips.')
    positions = np.sort(np.random.default_rng(args.seed).choice(len(dataset), args.num, replace=False))
    batch = dataset.__getitems__([ClipRequest(int(position), args.seed) for position in positions])
    views = preprocessor(batch, training=True)['inputs']
    normalized = batch['inputs']['clips'].unpack() if dataset_cfg.get('normalize') else None

    store = dataset.store
    for row, position in enumerate(track(positions, len(positions), 'Drawing')):
        index = dataset.indices[position]
        clips = {f'stored: {store.names[index]}, {store.classes[store.labels[index]]}': store[index]}
        if normalized is not None:
            clips['normalized'] = normalized[row].numpy()
        clips |= {f'view {number}': view[row].numpy() for number, view in enumerate(views, 1)}
        # Names may come from files in folders.
        stem = args.output_dir / f'{position:06d}_{str(store.names[index]).replace("/", "_")}'
        figure = draw_frames(list(clips.values()), list(clips), dataset.layout, args.frames)
        save_figure(figure, f'{stem}.png')
        animate(list(clips.values()), list(clips), dataset.layout, f'{stem}.gif', args.fps)
    print(f'{len(positions)} clips, each as PNG and GIF: {args.output_dir}')


if __name__ == '__main__':
    sys.exit(exit_status(lambda: run(parse_args())))
