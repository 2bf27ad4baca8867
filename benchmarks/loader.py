"""Measures how many clips one core turns into training batches.

The work is that of CMD on NTU RGB+D: clips of two persons and 25 joints, two views of 64 frames each, cropped, resized,
sheared or corrupted. Compared are the toolbox, a feeder that makes one sample after the other with NumPy and, with
--peer, the official feeder of a checkout of CMD (github.com/maoyunyao/CMD), whose code is executed. All take turns in
one process. The floor is what the machine's memory allows: each frame of a view is mixed from two frames that are read,
and written once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from common import import_peer
from torch.utils.data import default_collate

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.sampler import ClipDraw
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.files import written_beside

NUM_VIEWS, NUM_FRAMES, NUM_PERSONS, NUM_JOINTS, NUM_COORDS = 2, 64, 2, 25, 3
RATIO, CORRUPTED = (0.1, 1.0), 15
PADDED = 300
VIEW = [
    dict(type='TemporalCropResize', num_frames=NUM_FRAMES, ratio=RATIO, min_frames=64),
    dict(type='RandomChoice', transforms=[[dict(type='Shear')], [dict(type='JointCorruption', num_joints=CORRUPTED)]]),
]
PIPELINE = [dict(type='MultiView', transforms=VIEW, num_views=NUM_VIEWS)]
# Two rows read and one written for each frame of each person of each view.
BYTES_PER_CLIP = NUM_VIEWS * NUM_FRAMES * NUM_PERSONS * 3 * NUM_JOINTS * NUM_COORDS * 4

Loader = Callable[[Sequence[int]], object]


def write_store(path: Path, num_clips: int, seed: int) -> ClipStore:
    """A store of random clips of 40 to 200 frames."""
    rng = np.random.default_rng(seed)
    with ClipStore.create(path, 'ntu25', ['none']) as writer:
        for number in range(num_clips):
            shape = (NUM_PERSONS, rng.integers(40, 201), NUM_JOINTS, NUM_COORDS)
            writer.add(str(number), 0, rng.standard_normal(shape, np.float32))
    return ClipStore(path)


def toolbox_loader(store: ClipStore, seed: int) -> Loader:
    dataset = SkeletonDataset(store.path, pipeline=PIPELINE)
    return lambda indices: dataset.__getitems__([ClipDraw(index, seed) for index in indices])


def numpy_loader(store: ClipStore, seed: int) -> Loader:
    """One sample after the other, each from its own frames only."""
    rng = np.random.default_rng(seed)

    def crop(clip: np.ndarray) -> np.ndarray:
        total = clip.shape[1]
        length = min(max(int(total * rng.uniform(*RATIO)), 64), total)
        start = rng.integers(total - length + 1)
        window = torch.from_numpy(clip[:, start : start + length]).permute(0, 2, 3, 1).flatten(1, 2)
        resized = F.interpolate(window, size=NUM_FRAMES, mode='linear')
        return resized.unflatten(1, (NUM_JOINTS, NUM_COORDS)).permute(0, 3, 1, 2).numpy()

    def augment(view: np.ndarray) -> np.ndarray:
        matrix = rng.uniform(-1, 1, (3, 3)).astype(np.float32)
        if rng.random() < 0.5:
            np.fill_diagonal(matrix, 1)
            return view @ matrix.T
        joints = rng.choice(NUM_JOINTS, CORRUPTED, replace=False)
        out = view.copy()
        out[:, :, joints] = 0 if rng.random() < 0.5 else view[:, :, joints] @ matrix.T
        return out

    return lambda indices: default_collate(
        [tuple(augment(crop(store[index])) for _ in range(NUM_VIEWS)) for index in indices]
    )


def peer_loader(peer: Path, store: ClipStore, folder: Path) -> Loader:
    """CMD's own feeder on the same clips, padded as it wants them."""
    padded = np.lib.format.open_memmap(
        folder / 'data.npy', 'w+', np.float32, (len(store), NUM_COORDS, PADDED, NUM_JOINTS, NUM_PERSONS)
    )
    for index, length in enumerate(store.num_frames):
        padded[index, :, :length] = store[index].transpose(3, 1, 2, 0)
    padded.flush()
    np.save(folder / 'num_frame.npy', store.num_frames)
    feeders = import_feeder(peer)
    with contextlib.redirect_stdout(io.StringIO()):
        feeder = feeders.Feeder(
            data_path=str(folder / 'data.npy'),
            num_frame_path=str(folder / 'num_frame.npy'),
            l_ratio=list(RATIO),
            input_size=NUM_FRAMES,
            input_representation='seq-based',
        )
    return lambda indices: default_collate([feeder[index] for index in indices])


def import_feeder(peer: Path) -> types.ModuleType:
    """The module of CMD's feeder, made to run beside today's NumPy."""
    feeders = import_peer(peer, 'feeder.feeder_pretraining_intra')
    # The crop calls int() on an array of one number, which NumPy 2 refuses.
    numpy = types.ModuleType('numpy')
    numpy.__dict__.update(vars(np), floor=lambda x: np.floor(x).item())
    feeders.augmentations.np = numpy
    return feeders


def measure(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(loaders: dict[str, Loader], num_clips: int, batch_size: int, batches: int, repeats: int) -> dict:
    """Clips per second of each loader in every repeat, and bytes per second of a large copy, all in turn."""
    source = torch.ones(32 << 20)
    target = torch.empty_like(source)
    rates: dict[str, list[float]] = {name: [] for name in loaders}
    bandwidth = []
    rng = np.random.default_rng(0)
    # The first round warms up and does not count.
    for turn in range(repeats + 1):
        chosen = [rng.permutation(num_clips)[:batch_size].tolist() for _ in range(batches)]
        for name, load in loaders.items():
            seconds = measure(lambda load=load, chosen=chosen: [load(indices) for indices in chosen] and None)
            rates[name] += [batches * batch_size / seconds] * (turn > 0)
        bandwidth += [2 * source.nbytes / measure(lambda: target.copy_(source))] * (turn > 0)
    return dict(rates=rates, bandwidth=bandwidth)


def summarize(measured: dict) -> dict:
    bandwidth = statistics.median(measured['bandwidth'])
    floor = bandwidth / BYTES_PER_CLIP
    clips_per_s = {name: statistics.median(rates) for name, rates in measured['rates'].items()}
    return dict(
        clips_per_s=clips_per_s,
        spread={name: [min(rates), max(rates)] for name, rates in measured['rates'].items()},
        ratio={name: clips_per_s['toolbox'] / rate for name, rate in clips_per_s.items()},
        bandwidth_bytes_per_s=bandwidth,
        bytes_per_clip=BYTES_PER_CLIP,
        floor_clips_per_s=floor,
        share_of_floor=clips_per_s['toolbox'] / floor,
    )


def table(summary: dict) -> str:
    lines = [f'{"":<10}{"clips/s":>10}{"lowest":>10}{"highest":>10}{"toolbox is":>12}']
    for name, rate in summary['clips_per_s'].items():
        low, high = summary['spread'][name]
        lines.append(f'{name:<10}{rate:>10,.0f}{low:>10,.0f}{high:>10,.0f}{summary["ratio"][name]:>11.1f}x')
    floor, share = summary['floor_clips_per_s'], summary['share_of_floor']
    lines.append(
        f'memory    {floor:>10,.0f} clips/s at {summary["bandwidth_bytes_per_s"] / 1e9:.1f} GB/s and '
        f'{summary["bytes_per_clip"]:,} bytes a clip; the toolbox reaches {share:.0%}'
    )
    return '\n'.join(lines)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peer', type=Path, metavar='PATH', help='checkout of CMD whose feeder is measured as well')
    parser.add_argument('--num-clips', type=positive, default=1000, help='clips of the data set (default: %(default)s)')
    parser.add_argument('--batch-size', type=positive, default=64, help='clips of a batch (default: %(default)s)')
    parser.add_argument('--batches', type=positive, default=4, help='batches of a repeat (default: %(default)s)')
    parser.add_argument('--repeats', type=positive, default=15, help='repeats, of which medians (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of clips and augmentation (default: %(default)s)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write everything measured into this file')
    args = parser.parse_args()
    if args.batch_size > args.num_clips:
        parser.error(f'--batch-size {args.batch_size} is more than --num-clips {args.num_clips}')
    return args


def run(args: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / 'store', args.num_clips, args.seed)
        loaders = {'toolbox': toolbox_loader(store, args.seed), 'numpy': numpy_loader(store, args.seed)}
        if args.peer:
            loaders['peer'] = peer_loader(args.peer, store, Path(folder))
        measured = compare(loaders, args.num_clips, args.batch_size, args.batches, args.repeats)
    machine = dict(python=platform.python_version(), torch=torch.__version__, numpy=np.__version__)
    options = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
    return dict(summary=summarize(measured), measured=measured, options=options, machine=machine)


def main() -> int:
    args = parse_args()
    torch.set_num_threads(1)
    register_all_modules()
    return exit_status(lambda: report(args))


def report(args: argparse.Namespace) -> None:
    result = run(args)
    print(table(result['summary']))
    if args.json:
        with written_beside(args.json) as beside:
            beside.write_text(json.dumps(result, indent=1))


if __name__ == '__main__':
    sys.exit(main())
