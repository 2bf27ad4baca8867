"""What the benchmarks share: turns, tables, a training step on random clips, and a program beside ours."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.models import SkeletonModel
from mmskelssl.registry import MODELS
from mmskelssl.utils.config import add_config_arguments, model_config
from mmskelssl.utils.errors import UserError
from mmskelssl.utils.quiet import without_list_of_parameters


def positive(text: str) -> int:
    """A number above 0, as the type of an argument."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def share(text: str) -> float:
    """A number within [0, 1], as the type of an argument."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f'{number} is not within 0 and 1')
    return number


def make_parser(description: str, repeats: int) -> argparse.ArgumentParser:
    """A parser with what the benchmarks beside a peer have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--repeats', type=positive, default=repeats, help='rounds, of which medians are taken (default: %(default)s)'
    )
    parser.add_argument(
        '--peer', type=Path, metavar='PATH', help='checkout of the official program, measured in turn with ours'
    )
    return parser


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what says which steps are trained."""
    add_config_arguments(parser)
    parser.add_argument('--batch-size', type=positive, help="clips per batch, if not the config's")
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'], default='cuda' if torch.cuda.is_available() else 'cpu',
        help='(default: %(default)s)',
    )  # fmt: skip


def in_turn(
    works: Mapping[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each work in every round. All take turns; a first round warms up and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start = clock()
            work()
            seconds[name] += [clock() - start] * (turn > 0)
    return seconds


def spread(values: Sequence[float], digits: int = 1) -> list[str]:
    """Median, lowest and highest, as cells of a table."""
    return [f'{value:,.{digits}f}' for value in (statistics.median(values), min(values), max(values))]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under their heads: the first column to the left, numbers to the right."""
    lines = [[*map(str, row)] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return '\n'.join(
        '  '.join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    )


class TrainingStep:
    """A step as a run makes it, hooks included, on random clips; methods in stages are in their last one.

    Args:
        cfg: Config of any model.
        device: Where it trains.
    """

    def __init__(self, cfg: Config, device: str | torch.device) -> None:
        self.model: SkeletonModel = MODELS.build(model_config(cfg)).to(device).train()
        self.model.epoch = cfg.train_cfg.get('max_epochs', 1) - 1
        if options := cfg.get('compile'):  # as MMEngine's runner does
            self.model.forward = torch.compile(self.model.forward, **(options if isinstance(options, dict) else {}))
        with without_list_of_parameters():
            self.optim_wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)

    def __call__(self, batch: dict, part: Callable = lambda name: nullcontext()) -> None:
        """Trains on a batch; ``part`` gives a context for what the hooks do."""
        with part('before the update'):
            self.model.before_update()
        self.model.train_step(batch, self.optim_wrapper)
        with part('after the update'):
            self.model.after_update([self.model.to_enqueue()])

    def random_batch(self, num_clips: int, one_person: float = 0.0) -> dict:
        """Random clips of 40 to 200 frames, as the model's data set gives them; a share of them shows one person."""
        lengths = torch.randint(40, 201, (num_clips,))
        persons = torch.full_like(lengths, self.model.num_persons)
        persons[: round(one_person * num_clips)] = 1
        rows = persons * lengths
        frames = torch.randn(int(rows.sum()), self.model.layout.num_joints, 3)
        clips = ClipBatch(frames, rows.cumsum(0) - rows, lengths, persons, self.model.num_persons)
        samples = dict(labels=torch.zeros(num_clips, dtype=torch.long), index=torch.arange(num_clips))
        return dict(inputs=dict(clips=clips, keys=torch.randint(2**62, (num_clips,))), data_samples=samples)

    def views(self, batch: dict) -> dict:
        """The batch with its views made."""
        return self.model.data_preprocessor(batch, True)


class PeerError(UserError):
    """A peer cannot be compared with. The message names its path or the config."""


# What the programs import, with what they take from it: nothing that counts, so that it need not be installed.
_STAND_INS = {'torchvision': dict(transforms=None), 'tqdm': dict(tqdm=lambda items: items)}


def import_peer(checkout: Path, module: str) -> types.ModuleType:
    """Imports a module of another program's checkout, leaving the interpreter's paths and modules as they were.

    The programs import torchvision without using it, and tqdm: where they are missing, something empty stands in.

    Raises:
        PeerError: If there is no such module.
    """
    missing = [name for name in _STAND_INS if importlib.util.find_spec(name) is None]
    paths = list(sys.path)
    for name in missing:
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(_STAND_INS[name])
    sys.path.insert(0, str(checkout))
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PeerError(f'{checkout} is not a checkout of the program: it has no module {module} ({error}).') from error
    finally:
        # Some of them extend it.
        sys.path[:] = paths
        for name in missing:
            del sys.modules[name]
