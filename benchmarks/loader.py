"""Measures how fast clips become views, and what loader workers gain in training.

First, on one core, by processor time and on random clips of 40 to 200 frames: gathering a batch of clips, as loader
workers do, and making views of it, as the model's data preprocessor does; with --peer, the feeder of CMD (a checkout of
github.com/maoyunyao/CMD, whose code is executed) takes turns with them on the same clips.

Then training steps of the config, by the clock and by the processor time of the training process: with views at hand,
and with a loader that gathers clips in 0 and in --workers workers, views being made on the model's device, or, as an
older form of the loader did, where the clips are gathered.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import itertools
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import TrainingStep, add_training_arguments, import_peer, in_turn, make_parser, positive, spread, table
from mmengine.model import BaseDataPreprocessor
from torch import nn
from torch.utils.data import DataLoader, Dataset, default_collate

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset, batch_collate
from mmskelssl.models import SkeletonModel
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import load_config

PADDED = 300


class ViewsWhereGathered(Dataset):
    """Makes views in the process that gathers the clips."""

    def __init__(self, dataset: SkeletonDataset, make_views: nn.Module) -> None:
        self.dataset, self.make_views = dataset, make_views

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, requests: Sequence[ClipRequest]) -> dict:
        return self.make_views(self.dataset.__getitems__(requests), True)


def write_store(path: Path, num_clips: int, model: SkeletonModel) -> ClipStore:
    """A store of random clips of 40 to 200 frames."""
    rng = np.random.default_rng(0)
    with ClipStore.create(path, model.layout, ['none']) as writer:
        for number in range(num_clips):
            shape = (model.num_persons, rng.integers(40, 201), model.layout.num_joints, 3)
            writer.add(str(number), 0, rng.standard_normal(shape, np.float32))
    return ClipStore(path)


def peer_feeder(peer: Path, store: ClipStore, folder: Path) -> Callable[[Sequence[ClipRequest]], object]:
    """CMD's own feeder on the same clips, padded as it wants them, with its views of 64 frames."""
    shape = (len(store), 3, PADDED, store.layout.num_joints, 2)
    padded = np.lib.format.open_memmap(folder / 'data.npy', 'w+', np.float32, shape)
    for index, length in enumerate(store.num_frames):
        padded[index, :, :length] = store[index].transpose(3, 1, 2, 0)
    padded.flush()
    np.save(folder / 'num_frame.npy', store.num_frames)
    feeders = import_peer(peer, 'feeder.feeder_pretraining_intra')
    # The crop calls int() on an array of one number, which NumPy 2 refuses.
    feeders.augmentations.np = types.ModuleType('numpy')
    vars(feeders.augmentations.np).update(vars(np), floor=lambda x: np.floor(x).item())
    with contextlib.redirect_stdout(io.StringIO()):
        feeder = feeders.Feeder(
            data_path=str(folder / 'data.npy'),
            num_frame_path=str(folder / 'num_frame.npy'),
            l_ratio=[0.1, 1.0],
            input_size=64,
            input_representation='seq-based',
        )
    return lambda requests: default_collate([feeder[request.index] for request in requests])


def gathering(step: TrainingStep, store: ClipStore, folder: Path, args: argparse.Namespace) -> str:
    """Clips per second of processor time of one core, whatever the device of the training."""
    dataset = SkeletonDataset(store.path)
    rng = np.random.default_rng(0)
    turns = itertools.cycle([[ClipRequest(int(i)) for i in rng.permutation(len(store))] for _ in range(10)])
    size = args.batch_size
    batch = dataset.__getitems__([ClipRequest(i) for i in range(size)])
    make_views = copy.deepcopy(step.model.data_preprocessor).cpu()
    works = {
        'gathering': lambda: dataset.__getitems__(next(turns)[:size]),
        'views': lambda: make_views(batch, True),
        'both': lambda: make_views(dataset.__getitems__(next(turns)[:size]), True),
    }
    if args.peer:
        feeder = peer_feeder(args.peer, store, folder)
        works['CMD, both'] = lambda: feeder(next(turns)[:size])
    number = 10

    def several(work: Callable[[], object]) -> Callable[[], None]:
        return lambda: [work() for _ in range(number)].clear()

    seconds = in_turn({name: several(work) for name, work in works.items()}, args.repeats, time.process_time)
    rows = [[name, *spread([number * size / s for s in times], 0)] for name, times in seconds.items()]
    return table(('clips/s', 'median', 'lowest', 'highest'), rows)


def training(step: TrainingStep, store: ClipStore, args: argparse.Namespace) -> str:
    """Milliseconds per batch, and by how much they exceed those of a step with views at hand."""
    size, on_device, as_it_comes = args.batch_size, step.model.data_preprocessor, BaseDataPreprocessor()
    on_cpu = copy.deepcopy(on_device).cpu()
    for preprocessor in (on_device, as_it_comes):
        preprocessor.to(args.device)
    dataset = SkeletonDataset(store.path)
    sampler = [ClipRequest(number % len(store), epoch=number) for number in range(args.batches * size)]

    def train(batches: Iterable[dict], preprocessor: nn.Module) -> None:
        step.model.data_preprocessor = preprocessor
        for batch in batches:
            step(batch)
        if args.device == 'cuda':
            torch.cuda.synchronize()

    views_at_hand = [on_device(step.random_batch(size), True)] * args.batches
    works = {'step, views at hand': partial(train, views_at_hand, as_it_comes)}
    for workers in (0, args.workers):
        for name, data, preprocessor in (
            ('views on the device', dataset, on_device),
            ('views where gathered', ViewsWhereGathered(dataset, on_cpu), as_it_comes),
        ):
            loader = DataLoader(
                data, size, sampler=sampler, num_workers=workers, persistent_workers=workers > 0,
                collate_fn=batch_collate, pin_memory=args.device == 'cuda',
            )  # fmt: skip
            works[f'{name}, {workers} workers'] = partial(train, loader, preprocessor)
    # Both at once: other work on the machine changes the first, and waiting for workers only shows there.
    both = in_turn(works, args.repeats, lambda: np.array([time.perf_counter(), time.process_time()]))
    base = np.array(next(iter(both.values())))
    rows = []
    for name, seconds in both.items():
        wall, process = 1e3 * np.median(seconds, 0) / args.batches
        extra = np.median(np.array(seconds) / base - 1, 0)
        rows.append([name, f'{wall:,.1f}', f'{extra[0]:+.1%}', f'{process:,.1f}', f'{extra[1]:+.1%}'])
    heads = ('ms per batch, medians', 'clock', 'beside a step', 'processor time', 'beside a step')
    return table(heads, rows)


def benchmark(args: argparse.Namespace) -> None:
    register_all_modules()
    torch.manual_seed(0)
    cfg = checked(load_config(args))
    args.batch_size = args.batch_size or cfg.train_dataloader.batch_size
    step = TrainingStep(cfg, args.device)
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / 'store', max(args.num_clips, args.batch_size), step.model)
        torch.set_num_threads(1)
        print(gathering(step, store, Path(folder), args))
        torch.set_num_threads(threads)
        print(f'\nTraining on {args.device}, {threads} threads, {args.batch_size} clips per batch:')
        print(training(step, store, args))


def main() -> int:
    parser = make_parser(__doc__, repeats=5)
    add_training_arguments(parser)
    parser.add_argument('--num-clips', type=positive, default=1000, help='clips of the data set (default: %(default)s)')
    parser.add_argument('--batches', type=positive, default=10, help='batches of a round (default: %(default)s)')
    parser.add_argument('--workers', type=positive, default=2, help='loader workers (default: %(default)s)')
    return exit_status(lambda: benchmark(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(main())
