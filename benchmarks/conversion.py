"""Measures how fast raw NTU RGB+D files become normalized clips.

A folder of synthetic .skeleton files is written, or a real one taken. Measured on one core, by processor time, are
reading them (parsing and choosing the bodies) and normalizing the clips (PreNormalize). With --peer, the scripts of CMD
(a checkout of github.com/maoyunyao/CMD, whose code is executed) take turns with the toolbox on the same files, and the
results are compared. Then all files are read in one process and in several, and converted by the command, whose memory
is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from common import import_peer, in_turn, make_parser, positive, spread, table

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.converters.ntu import NTUReader, read_skeleton_file, write_skeleton_file
from mmskelssl.converters.parallel import reading
from mmskelssl.converters.synthetic import SyntheticReader
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import PreNormalize
from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.progress import track

CONVERTER = Path(__file__).parents[1] / 'tools' / 'dataset_converters' / 'ntu.py'
NUM_PERSONS, PADDED = 2, 300


class Program(Protocol):
    """What reads and normalizes."""

    def read(self, files: Sequence[Path]) -> object:
        """Clips in the program's own form."""

    def normalize(self, clips: object) -> object:
        """The same, normalized, and perhaps in their place."""

    def dense(self, clips: object, index: int, num_frames: int) -> np.ndarray:
        """(2, num_frames, 25, 3), a clip's first frames."""


class Toolbox:
    def read(self, files: Sequence[Path]) -> ClipBatch:
        return ClipBatch.of([read_skeleton_file(file) for file in files])

    def normalize(self, clips: ClipBatch) -> ClipBatch:
        return PreNormalize().normalize(clips, NTU25)

    def dense(self, clips: ClipBatch, index: int, num_frames: int) -> np.ndarray:
        frame = torch.arange(num_frames)[None]
        clip = clips.select(torch.tensor([index]))._replace(max_persons=NUM_PERSONS)
        return clip.sample(frame, frame, torch.zeros(frame.shape))[0].numpy()


class CMD:
    """CMD's own scripts."""

    def __init__(self, checkout: Path) -> None:
        self._module = import_peer(checkout, 'data_gen.ntu_gendata')

    def read(self, files: Sequence[Path]) -> np.ndarray:
        clips = np.zeros((len(files), 3, PADDED, 25, NUM_PERSONS), np.float32)
        for row, file in zip(clips, files, strict=True):
            clip = self._module.read_xyz(str(file), max_body=4, num_joint=25)
            row[:, : clip.shape[1]] = clip[:, :PADDED]
        return clips

    def normalize(self, clips: np.ndarray) -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):
            return self._module.pre_normalization(clips)

    def dense(self, clips: np.ndarray, index: int, num_frames: int) -> np.ndarray:
        return clips[index, :, :num_frames].transpose(3, 1, 2, 0)


class Turns:
    """A program on one part of the files after the other; ``results`` holds the last."""

    def __init__(self, program: Program, parts: Sequence[Sequence[Path]]) -> None:
        self.program = program
        self._parts = iter(parts)
        self.results: object = None

    def read(self) -> None:
        self.results = self.program.read(next(self._parts))

    def normalize(self) -> None:
        self.results = self.program.normalize(self.results)


def compare(programs: dict[str, Program], files: Sequence[Path], repeats: int) -> str:
    """Clips per second of one core, by program, and how far the results of the last round differ."""
    size = max(1, len(files) // repeats)
    parts = [files[:size], *(files[size * turn : size * (turn + 1)] for turn in range(min(repeats, len(files))))]
    turns = {name: Turns(program, parts) for name, program in programs.items()}
    works: dict[str, Callable[[], None]] = {}
    for name, own in turns.items():
        works |= {f'{name}: read': own.read, f'{name}: normalize': own.normalize}
    seconds = in_turn(works, len(parts) - 1, time.process_time)
    for name in programs:
        both = zip(seconds[f'{name}: read'], seconds[f'{name}: normalize'], strict=True)
        seconds[f'{name}: both'] = [sum(pair) for pair in both]
    rows = [[name, *spread([size / s for s in times], 0)] for name, times in seconds.items()]
    lines = [table(('clips/s', 'median', 'lowest', 'highest'), rows)]
    lengths = turns['toolbox'].results.num_frames.clamp(max=PADDED).tolist()
    for name in programs.keys() - {'toolbox'}:
        pairs = [[turns[key].program.dense(turns[key].results, i, t) for key in ('toolbox', name)]
                 for i, t in enumerate(lengths)]  # fmt: skip
        largest = max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)
        lines.append(f'largest difference of a normalized coordinate to {name}: {largest:.1e}')
    return '\n'.join(lines)


def read_all(folder: Path, workers: int) -> int:
    """Reads all files and hands them to one process; how many clips there were."""
    with reading(NTUReader([folder]), workers=workers) as sources:
        return sum(len(outcomes) for outcomes in sources)


def run_converter(folder: Path, out: Path, workers: int) -> str:
    """Seconds and memory of the command; of its processes, the one that took most."""
    command = [sys.executable, CONVERTER, folder, out, '--workers', str(workers)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise StoreError(f'The converter failed: {messages.strip()}')
    seconds, megabytes = time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6
    return f'ntu.py --workers {workers}: {seconds:.1f} s, at most {megabytes:,.0f} MB per process'


def benchmark(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    programs: dict[str, Program] = dict(toolbox=Toolbox(), **(dict(CMD=CMD(args.peer)) if args.peer else {}))
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.raw or Path(temporary) / 'raw'
        if not args.raw:
            for raw in track(SyntheticReader(args.num_clips, 0), args.num_clips, 'Writing .skeleton files'):
                write_skeleton_file(folder / f'{raw.name}.skeleton', raw.clip)
        files = [file.path for file in NTUReader([folder]).files]
        print(compare(programs, files, args.repeats))
        numbers = sorted({1, args.workers})
        seconds = in_turn({f'read in {n} process(es)': lambda n=n: read_all(folder, n) for n in numbers}, repeats=3)
        rows = [[name, *spread([len(files) / s for s in times], 0)] for name, times in seconds.items()]
        print(table(('clips/s', 'median', 'lowest', 'highest'), rows))
        for workers in numbers:
            print(run_converter(folder, Path(temporary) / f'store{workers}', workers))


def main() -> int:
    parser = make_parser(__doc__, repeats=10)
    parser.add_argument('--raw', type=Path, metavar='DIR', help='folder of .skeleton files to read, not synthetic ones')
    parser.add_argument('--num-clips', type=positive, default=2000, help='synthetic clips (default: %(default)s)')
    parser.add_argument('--workers', type=positive, default=2, help='processes that read (default: %(default)s)')
    return exit_status(lambda: benchmark(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(main())
