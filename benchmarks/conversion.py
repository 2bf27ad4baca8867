"""Measures how fast raw NTU RGB+D files become normalized clips.

A folder of synthetic .skeleton files is written, or a real one taken. Measured on one core are reading them (parsing
and choosing the bodies), normalizing the clips (PreNormalize), and both, by processor time, so that other work on the
machine does not count; with --peer, the scripts of a checkout of CMD (github.com/maoyunyao/CMD), whose code is executed
on the same files, take turns with the toolbox, and the results are compared. Then all files are read in one process and
in several, by the clock and by processor time, and converted by the command, whose memory is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from common import import_peer

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.converters.ntu import NTUReader, read_skeleton_file, write_skeleton_file
from mmskelssl.converters.parallel import reading
from mmskelssl.converters.synthetic import SyntheticReader
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import NTU25
from mmskelssl.datasets.transforms import PreNormalize
from mmskelssl.utils.errors import StoreError
from mmskelssl.utils.files import written_beside
from mmskelssl.utils.progress import track

CONVERTER = Path(__file__).parents[1] / 'tools' / 'dataset_converters' / 'ntu.py'
NUM_PERSONS, PADDED = 2, 300
STAGES = ('read', 'normalize', 'both')


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
        return ClipBatch.of([read_skeleton_file(file) for file in files], NUM_PERSONS)

    def normalize(self, clips: ClipBatch) -> ClipBatch:
        return PreNormalize()(clips, NTU25)

    def dense(self, clips: ClipBatch, index: int, num_frames: int) -> np.ndarray:
        frame = torch.arange(num_frames)[None]
        return (
            clips.select(torch.tensor([index]), NUM_PERSONS).sample(frame, frame, torch.zeros(frame.shape))[0].numpy()
        )


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
        return self._module.pre_normalization(clips)

    def dense(self, clips: np.ndarray, index: int, num_frames: int) -> np.ndarray:
        return clips[index, :, :num_frames].transpose(3, 1, 2, 0)


def write_raw(folder: Path, num_clips: int, seed: int) -> None:
    """As many synthetic clips as ``.skeleton`` files."""
    for raw in track(SyntheticReader(num_clips, seed), num_clips, 'Writing .skeleton files'):
        write_skeleton_file(folder / f'{raw.name}.skeleton', raw.clip)


def rounds(files: Sequence[Path], num_rounds: int) -> Iterator[list[Path]]:
    """Parts of the files, each a sample of all."""
    return ([*files[start::num_rounds]] for start in range(num_rounds))


def timed(clock: Callable[[], float], work: Callable[..., object], *arguments: object) -> tuple[float, object]:
    """Seconds by a clock, and what the work gives."""
    start = clock()
    result = work(*arguments)
    return clock() - start, result


def compare(programs: dict[str, Program], files: Sequence[Path], num_rounds: int) -> dict:
    """Clips per second of every program and stage in every round, and by how much the programs' results differ."""
    rates: dict[str, dict[str, list[float]]] = {stage: {name: [] for name in programs} for stage in STAGES}
    differences = []
    # What is done once is not measured.
    for program in programs.values():
        program.normalize(program.read(files[:1]))
    for part in track(rounds(files, num_rounds), num_rounds, 'Reading and normalizing'):
        results = {}
        for name, program in programs.items():
            reading_s, clips = timed(time.process_time, program.read, part)
            normalizing_s, results[name] = timed(time.process_time, program.normalize, clips)
            for stage, seconds in zip(STAGES, (reading_s, normalizing_s, reading_s + normalizing_s), strict=True):
                rates[stage][name].append(len(part) / seconds)
        differences += _differences(programs, results)
    return dict(rates=rates, largest_difference=max(differences, default=None))


def _differences(programs: dict[str, Program], results: dict[str, object]) -> Iterator[float]:
    """The largest difference to the toolbox, of each other program and each clip."""
    lengths = results['toolbox'].num_frames.clamp(max=PADDED).tolist()
    for name in programs.keys() - {'toolbox'}:
        for index, length in enumerate(lengths):
            ours, theirs = (programs[key].dense(results[key], index, length) for key in ('toolbox', name))
            yield float(np.abs(ours - theirs).max())


def _processor_time() -> float:
    """Seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def scale(folder: Path, max_workers: int, repeats: int) -> tuple[dict[int, list[float]], dict[int, list[float]]]:
    """All files, read and handed to one process, by number of processes that read, in turn.

    Returns:
        Clips per second by the clock, and clips per second of processor time of all processes together.
    """
    reader = NTUReader([folder])
    rates, processor_rates = ({workers: [] for workers in range(1, max_workers + 1)} for _ in range(2))
    for _ in range(repeats):
        for workers in rates:
            used = _processor_time()
            seconds, count = timed(time.perf_counter, _count_clips, reader, workers)
            rates[workers].append(count / seconds)
            processor_rates[workers].append(count / (_processor_time() - used))
    return rates, processor_rates


def _count_clips(reader: NTUReader, workers: int) -> int:
    with reading(reader, workers=workers) as sources:
        return sum(len(outcomes) for outcomes in sources)


def run_converter(folder: Path, out: Path, workers: int) -> dict:
    """Seconds and memory of the command; of its processes, the one that took most."""
    command = [sys.executable, CONVERTER, folder, out, '--workers', str(workers)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise StoreError(f'The converter failed: {messages.strip()}')
    return dict(seconds=time.perf_counter() - start, peak_bytes=usage.ru_maxrss * 1024)


def summarize(measured: dict) -> dict:
    medians = {
        stage: {name: statistics.median(rates) for name, rates in programs.items()}
        for stage, programs in measured['rates'].items()
    }
    processes, processor = (
        {workers: statistics.median(rates) for workers, rates in measured[key].items()}
        for key in ('processes', 'processor')
    )
    return dict(
        clips_per_s=medians,
        ratio={
            stage: {name: rates['toolbox'] / rate for name, rate in rates.items()} for stage, rates in medians.items()
        },
        processes=processes,
        process_ratio={workers: rate / processes[1] for workers, rate in processes.items()},
        free_cores_ratio={workers: workers * rate / processor[1] for workers, rate in processor.items()},
        largest_difference=measured['largest_difference'],
        converter=measured['converter'],
    )


def table(summary: dict, measured: dict) -> str:
    lines = [f'{"":<22}{"clips/s":>10}{"lowest":>10}{"highest":>10}{"toolbox is":>12}']
    for stage, programs in summary['clips_per_s'].items():
        for name, rate in programs.items():
            rates = measured['rates'][stage][name]
            ratio = summary['ratio'][stage][name]
            lines.append(f'{stage:<12}{name:<10}{rate:>10,.0f}{min(rates):>10,.0f}{max(rates):>10,.0f}{ratio:>11.1f}x')
    if summary['largest_difference'] is not None:
        lines.append(f'largest difference of a normalized coordinate: {summary["largest_difference"]:.1e}')
    for workers, rate in summary['processes'].items():
        lines.append(
            f'read in {workers} process(es){rate:>12,.0f} clips/s, {summary["process_ratio"][workers]:.2f} of one'
        )
    for workers, command in summary['converter'].items():
        seconds, megabytes = command['seconds'], command['peak_bytes'] / 1e6
        lines.append(f'ntu.py --workers {workers}: {seconds:.1f} s, at most {megabytes:,.0f} MB a process')
    return '\n'.join(lines)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peer', type=Path, metavar='PATH', help='checkout of CMD whose scripts are measured as well')
    parser.add_argument(
        '--raw', type=Path, metavar='DIR', help='folder of .skeleton files to read instead of synthetic'
    )
    parser.add_argument('--num-clips', type=positive, default=2000, help='synthetic clips (default: %(default)s)')
    parser.add_argument(
        '--rounds', type=positive, default=10, help='parts of the files, of which medians (default: 10)'
    )
    parser.add_argument(
        '--workers', type=positive, default=2, help='largest number of processes (default: %(default)s)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the synthetic clips (default: %(default)s)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write everything measured into this file')
    return parser.parse_args()


def run(args: argparse.Namespace) -> dict:
    programs: dict[str, Program] = dict(toolbox=Toolbox(), **(dict(CMD=CMD(args.peer)) if args.peer else {}))
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.raw or Path(temporary) / 'raw'
        if not args.raw:
            write_raw(folder, args.num_clips, args.seed)
        files = [file.path for file in NTUReader([folder]).files]
        with contextlib.redirect_stdout(io.StringIO()):
            measured = compare(programs, files, min(args.rounds, len(files)))
        measured['processes'], measured['processor'] = scale(folder, args.workers, repeats=3)
        measured['converter'] = {
            workers: run_converter(folder, Path(temporary) / f'store{workers}', workers)
            for workers in sorted({1, args.workers})
        }
    machine = dict(python=platform.python_version(), torch=torch.__version__, numpy=np.__version__)
    options = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
    return dict(summary=summarize(measured), measured=measured, num_clips=len(files), options=options, machine=machine)


def main() -> int:
    args = parse_args()
    torch.set_num_threads(1)
    return exit_status(lambda: report(args))


def report(args: argparse.Namespace) -> None:
    result = run(args)
    print(table(result['summary'], result['measured']))
    if args.json:
        with written_beside(args.json) as beside:
            beside.write_text(json.dumps(result, indent=1))


if __name__ == '__main__':
    sys.exit(main())
