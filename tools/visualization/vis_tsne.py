"""Draws a model's features of test clips in the plane, by t-SNE or PCA, coloured by class."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmskelssl.apis import init_model
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset
from mmskelssl.evaluation.features import encode
from mmskelssl.registry import DATASETS
from mmskelssl.utils import ConfigError, UserError, register_all_modules
from mmskelssl.utils.config import add_config_arguments, load_config
from mmskelssl.visualization import plot_embedding, save_figure
from mmskelssl.visualization.embedding import METHODS, choose_clips, embed

MIN_CLIPS = 5


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint of the model')
    parser.add_argument('--out', type=Path, help='the picture; default: beside the checkpoint, named after it')
    parser.add_argument('--split', help="split of the store, such as xview_test; default: the test set's")
    parser.add_argument('--num-classes', type=int, default=15, help='draw the first so many classes (default: 15)')
    parser.add_argument('--max-clips', type=int, default=2000, help='draw at most so many clips (default: 2000)')
    parser.add_argument('--method', choices=METHODS, default='tsne')
    parser.add_argument('--modality', default='joint', help='modality whose features are drawn (default: joint)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the choice of clips and of t-SNE (default: 0)')
    return parser.parse_args()


def build_dataset(cfg: Config, split: str | None, path: str) -> SkeletonDataset:
    """The test set of a config, or its validation set where it has no other."""
    found = [cfg[name].dataset for name in ('test_dataloader', 'val_dataloader') if cfg.get(name)]
    if not found:
        raise ConfigError(
            f'Config {path} has no test_dataloader: take one that tests, such as a KNN benchmark of the method.'
        )
    try:
        return DATASETS.build(dict(found[0], split=split) if split else found[0])
    except UserError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'Config {path}: {error.args[0]}') from error


def run(args: argparse.Namespace) -> None:
    cfg = load_config(args)
    register_all_modules()
    dataset = build_dataset(cfg, args.split, args.config)
    positions = choose_clips(dataset.labels, args.num_classes, args.max_clips, args.seed)
    if len(positions) < MIN_CLIPS:
        raise ConfigError(f'{len(positions)} clips are too few to draw: at least {MIN_CLIPS} are needed.')
    features = encode(init_model(cfg, args.checkpoint), dataset, positions=positions)
    if args.modality not in features:
        raise ConfigError(f"The model has no modality '{args.modality}', but {sorted(features)}.")
    points = embed(features[args.modality][0].numpy(), args.method, args.seed)
    shown = dataset.labels[positions]
    drawn, known = (len(np.unique(labels)) for labels in (shown, dataset.labels))
    clips = f'{len(points)} of {len(dataset)} clips, {drawn} of {known} classes'
    title = f'{METHODS[args.method]} of {args.modality} features: {clips}\n{Path(args.checkpoint).name}'
    out = args.out or Path(args.checkpoint).with_suffix(f'.{args.method}.png')
    save_figure(plot_embedding(points, shown, dataset.store.classes, title), out)
    print(f'picture: {out}')


if __name__ == '__main__':
    sys.exit(exit_status(lambda: run(parse_args())))
