"""Measures one training step of any config by part, on random clips and without a data set.

A step is that of a run: views made on the device, the model's train_step through its OptimWrapper, and what hooks tell
the model before and after the update. Parts exclude each other. 'Modules' are the model's submodules (encoders, necks,
heads), those that run without a gradient (momentum encoders) apart; 'losses' is the rest of the forward pass. The
backward pass is divided where the gradient reaches the first module.

The clock around a part waits for the device, so steps are measured whole as well: 'step' and clips/s are without it.
A config with ``compile`` is measured whole only.

The floor is the time that the step's matrix products and convolutions would take at the rate of one large matrix
product, which takes turns with the steps. Memory is counted: activations are what autograd keeps for the backward pass
(a GPU's own recurrent and attention kernels keep other things). On a GPU the peak is measured too, and the places are
named where a step waits for the device.

With --peer, the official step of CMD or MAMP (a checkout of github.com/maoyunyao/CMD or /MAMP, whose code is executed)
takes turns with ours in the same process, with the sizes of the config. It is handed views; ours makes its own.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import torch
from common import TrainingStep, add_training_arguments, in_turn, make_parser, share, spread, table
from mmengine.config import Config
from peers import make_peer
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules import module as hooks
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import load_config

VIEWS, MODULES, FOLLOWERS, LOSSES = 'views', 'modules', 'modules without gradient', 'losses'
LOSSES_BACK, MODULES_BACK, OPTIMIZER = 'backward: losses', 'backward: modules', 'optimizer and the rest'


class Clock:
    """Seconds by part. A part within another one stops the outer's clock."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._last = 0.0

    def enter(self, name: str) -> None:
        self._lap()
        self._running.append(name)

    def leave(self) -> None:
        self._lap()
        self._running.pop()

    def switch(self, name: str) -> None:
        """From here on, the part that runs is another one."""
        self.leave()
        self.enter(name)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        self.enter(name)
        try:
            yield
        finally:
            self.leave()

    def _lap(self) -> None:
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._last
        self._last = now


@contextlib.contextmanager
def watched(step: TrainingStep, clock: Clock) -> Iterator[None]:
    """Puts the clock around the step's parts, whatever the model is made of."""
    model, backward, depth = step.model, step.optim_wrapper.backward, 0

    def begin(module: nn.Module, _: object) -> None:
        nonlocal depth
        depth += module is not model
        if module is model:
            clock.enter(LOSSES)
        elif depth == 1:
            clock.enter(
                VIEWS if module is model.data_preprocessor else MODULES if torch.is_grad_enabled() else FOLLOWERS
            )

    def end(module: nn.Module, _: object, output: object) -> None:
        nonlocal depth
        if module is model or depth == 1:
            clock.leave()
            for x in tree_leaves(output) if module is not model else []:
                if isinstance(x, Tensor) and x.requires_grad:
                    x.register_hook(lambda _: clock.switch(MODULES_BACK))
        depth -= module is not model

    def timed_backward(loss: Tensor, **kwargs) -> None:
        with clock.part(LOSSES_BACK):
            backward(loss, **kwargs)

    handles = hooks.register_module_forward_pre_hook(begin), hooks.register_module_forward_hook(end)
    step.optim_wrapper.backward = timed_backward
    try:
        with clock.part(OPTIMIZER):
            yield
    finally:
        del step.optim_wrapper.backward
        for handle in handles:
            handle.remove()


def seconds_by_part(step: TrainingStep, batch: dict, device: torch.device) -> dict[str, float]:
    clock = Clock(device)
    with watched(step, clock):
        step(batch, clock.part)
    return clock.seconds


def count_flops(cfg: Config, one_person: float = 0.0) -> float:
    """Floating-point operations that a step's matrix products and convolutions take for one clip.

    Args:
        cfg: The config.
        one_person: Share of the clips that show one person; the others show as many as the model takes.
    """
    if 0 < one_person < 1:
        return one_person * count_flops(cfg, 1) + (1 - one_person) * count_flops(cfg)
    # On the CPU, where the counter sees into recurrent layers and attention that GPUs run as one operation.
    step, num_clips = TrainingStep(cfg, 'cpu'), 2
    batch = step.random_batch(num_clips, one_person)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step(batch)
    return counter.get_total_flops() / num_clips


def finished(work: Callable, argument: object, device: torch.device) -> None:
    """Works, and waits for the device."""
    work(argument)
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def peak_bytes(work: Callable[[], object]) -> int:
    """Most memory that a work has on the GPU at once, with all that is there already."""
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def waits(work: Callable[[], object]) -> list[str]:
    """Where a work waits for the GPU, as lines of text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.cuda.set_sync_debug_mode('warn')
        work()
        torch.cuda.set_sync_debug_mode('default')
    places = Counter(f'{x.filename}:{x.lineno}' for x in caught if 'synchroniz' in str(x.message))
    return [f'waits for the GPU {places.total()} times', *(f'  {n} x {place}' for place, n in places.most_common())]


def matrix_product(device: torch.device, wrapper: str) -> tuple[Callable[[], object], float]:
    """A large matrix product, of the type that the wrapper computes in, and its floating-point operations."""
    size = 8192 if device.type == 'cuda' else 2048
    dtype = dict(BFloat16OptimWrapper=torch.bfloat16, AmpOptimWrapper=torch.float16).get(wrapper, torch.float32)
    a, b = torch.randn(2, size, size, device=device).to(dtype)

    def work() -> None:
        _ = a @ b
        if device.type == 'cuda':
            torch.cuda.synchronize(device)

    return work, 2 * size**3


def kept_bytes(step: TrainingStep, num_clips: int) -> int:
    """Bytes that autograd keeps of the forward pass of random clips, weights and buffers left out."""
    own = {x.untyped_storage().data_ptr() for x in (*step.model.parameters(), *step.model.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        if x.untyped_storage().data_ptr() not in own:
            kept[x.untyped_storage().data_ptr()] = x  # alive, so that no other takes its place
        return x

    data = step.views(step.random_batch(num_clips))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        step.model(**data, mode='loss')
    return sum(x.untyped_storage().nbytes() for x in kept.values())


def count_memory(step: TrainingStep) -> dict[str, int]:
    """Bytes by part, after a step."""

    def size(tensors: object) -> int:
        return sum(x.nbytes for x in tree_leaves(tensors) if isinstance(x, Tensor))

    learned, followers = ([p for p in step.model.parameters() if p.requires_grad is kind] for kind in (True, False))
    return {
        'weights that learn, gradients, optimizer': 2 * size(learned) + size(step.optim_wrapper.optimizer.state_dict()),
        'weights that do not learn': size(followers),
        'buffers, such as a memory bank': size([*step.model.buffers()]),
        'activations, per clip': (kept_bytes(step, 4) - kept_bytes(step, 2)) // 2,
    }


def benchmark(args: argparse.Namespace) -> None:
    register_all_modules()
    torch.manual_seed(0)
    cfg, device = checked(load_config(args)), torch.device(args.device)
    batch_size = args.batch_size or cfg.train_dataloader.batch_size
    step = TrainingStep(cfg, device)
    batch = step.random_batch(batch_size, args.one_person)
    product, product_flops = matrix_product(device, cfg.optim_wrapper.get('type', 'OptimWrapper'))
    parts: list[dict[str, float]] = []
    works: dict[str, Callable[[], object]] = dict(step=lambda: finished(step, batch, device), product=product)
    if not cfg.get('compile'):
        works['parts'] = lambda: parts.append(seconds_by_part(step, batch, device))
    if args.peer:
        peer, views = make_peer(args.peer, cfg, device, batch_size), step.views(batch)['inputs']
        works['peer'] = lambda: finished(peer, views, device)
    seconds = in_turn(works, args.repeats)

    whole = statistics.median(seconds['step'])
    parts = parts[1:]
    all_parts = [sum(times.values()) for times in parts]
    by_part = {name: [times[name] for times in parts] for name in (parts[0] if parts else ())}
    by_part |= {'all parts': all_parts, 'step': seconds['step']} if parts else {'step': seconds['step']}
    base = statistics.median(all_parts) if parts else whole
    rows = [
        [name, *spread([1e3 * s for s in times]), f'{statistics.median(times) / base:.1%}']
        for name, times in by_part.items()
    ]
    print(table(('ms', 'median', 'lowest', 'highest', 'share'), rows))
    print(f'{batch_size / whole:,.1f} clips/s')
    flops, rate = batch_size * count_flops(cfg, args.one_person), product_flops / statistics.median(seconds['product'])
    print(
        f'floor: {1e3 * flops / rate:,.1f} ms for {flops / 1e9:,.1f} GFLOP at the {rate / 1e9:,.1f} GFLOP/s of a large '
        f'matrix product; the step takes {whole * rate / flops:.2f} times that'
    )
    for name, size in count_memory(step).items():
        print(f'{name}: {size / 2**20:,.1f} MiB')
    if device.type == 'cuda':
        print(f'peak of a step: {peak_bytes(lambda: step(batch)) / 2**20:,.1f} MiB')
        print('\n'.join(waits(lambda: step(batch))))
    if args.peer:
        ratios = [theirs / ours for theirs, ours in zip(seconds['peer'], seconds['step'], strict=True)]
        times, (middle, low, high) = spread([1e3 * s for s in seconds['peer']]), spread(ratios, 2)
        print(f'official step, without views: {times[0]} ms ({times[1]} to {times[2]})')
        if device.type == 'cuda':
            print(f'its peak: {peak_bytes(lambda: peer(views)) / 2**20:,.1f} MiB')
        print(f'ours, with its views, is {middle} times as fast, round by round from {low} to {high}')


def main() -> int:
    parser = make_parser(__doc__, repeats=5)
    add_training_arguments(parser)
    parser.add_argument(
        '--one-person', type=share, default=0.0, metavar='SHARE',
        help='share of the clips that show one person; about 0.82 in NTU RGB+D 60 (default: %(default)s)',
    )  # fmt: skip
    return exit_status(lambda: benchmark(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(main())
