"""Measures one training step of a config by part: time and peak memory, on random clips and without a data set.

Parts exclude each other. The backward pass is divided where the gradient reaches the first embedding. With --compile,
encoders and losses are compiled apart, so that they can be told apart. Views are listed beside the step: loader workers
make them while it runs. Methods in stages are measured in their last one. Memory is what is allocated on a GPU, and
what is resident on a CPU, at most during the part and in total; it is measured in a step of its own.

The floor is the time that the step's matrix products and convolutions would take at the rate of one large matrix
product of the same type, which takes turns with the steps.

With --peer, the official CMD step (a checkout of github.com/maoyunyao/CMD, whose code is executed) takes turns with
ours in the same process, on the same views and with the sizes of the config.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from common import PeerError, import_peer
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.registry import MODELS, TRANSFORMS
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import add_config_arguments, load_config
from mmskelssl.utils.files import written_beside

VIEWS, MOMENTUM, QUERY, KEY = 'views', 'hooks: momentum update', 'query encoders', 'key encoders'
LOSSES, LOSSES_BACK = 'similarities and losses', 'backward: similarities and losses'
ENCODERS_BACK, OPTIMIZER, ENQUEUE = 'backward: encoders', 'optimizer', 'hooks: enqueue'
PARTS = [VIEWS, MOMENTUM, QUERY, KEY, LOSSES, LOSSES_BACK, ENCODERS_BACK, OPTIMIZER, ENQUEUE]


class Clock:
    """Seconds, and bytes if asked, by part. A part within another one stops the outer's clock.

    Args:
        device: Whose work is waited for.
        measure_memory: Whether peaks are measured too, which costs time.
    """

    def __init__(self, device: torch.device, measure_memory: bool = False) -> None:
        self.device = device
        self.measure_memory = measure_memory
        self.seconds: dict[str, float] = defaultdict(float)
        self.peak: dict[str, int] = defaultdict(int)
        self._running: list[str] = []
        self._last = 0.0

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        self._lap()
        self._running.append(name)
        try:
            yield
        finally:
            self._lap()
            self._running.pop()

    def switch(self, name: str) -> None:
        """From here on, the part that runs is another one."""
        self._lap()
        self._running[-1] = name

    def _lap(self) -> None:
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._last
        if self.measure_memory:
            peak = peak_since_last_call(self.device)
            if self._running:
                self.peak[self._running[-1]] = max(self.peak[self._running[-1]], peak)
        self._last = time.perf_counter()


def peak_since_last_call(device: torch.device) -> int:
    """Bytes allocated on a GPU, or resident on Linux; 0 where the system does not tell."""
    if device.type == 'cuda':
        peak = torch.cuda.max_memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        return peak
    try:
        (line,) = (x for x in Path('/proc/self/status').read_text().splitlines() if x.startswith('VmHWM:'))
        Path('/proc/self/clear_refs').write_text('5')  # the mark of the highest water goes down to the water
    except (OSError, ValueError):
        return 0
    return int(line.split()[1]) * 1024


class Step:
    """A training step of a config.

    Args:
        cfg: The config.
        device: Where the model is.
        amp: Automatic mixed precision: float16 and a loss scale on a GPU, bfloat16 on a CPU.
        compiled: Whether forward and backward are compiled.
    """

    def __init__(self, cfg: Config, device: torch.device, amp: bool, compiled: bool) -> None:
        self.model = MODELS.build(cfg.model).to(device).train()
        self.model.epoch = cfg.train_cfg.max_epochs - 1
        wrapper = cfg.optim_wrapper.to_dict()
        if amp and device.type == 'cuda':
            wrapper = dict(wrapper, type='AmpOptimWrapper', loss_scale='dynamic')
        elif amp:
            wrapper = dict(wrapper, type='BFloat16OptimWrapper')
        self.optim_wrapper = build_optim_wrapper(self.model, wrapper)
        self.clock = Clock(device)
        self._instrument(torch.compile if compiled else lambda function: function)

    def _instrument(self, compile_: Callable) -> None:
        """Puts the clock around what the model calls in its forward pass."""

        def timed(function: Callable, part_of: Callable[..., str]) -> Callable:
            function = compile_(function)

            @torch.compiler.disable
            def run(*args):
                with self.clock.part(part_of(*args)):
                    out = function(*args)
                for embedding in out.values() if isinstance(out, dict) else [out]:
                    if embedding.requires_grad:
                        embedding.register_hook(self._reached_encoders)
                return out

            return run

        model = self.model

        def of_encoders(encoders: nn.ModuleDict, view: Tensor) -> str:
            return QUERY if encoders is model.encoder_q else KEY

        for name in ('encode', 'encode_branches'):
            if hasattr(model, name):
                setattr(model, name, timed(getattr(model, name), of_encoders))
        if hasattr(model, 'retrieve'):
            model.retrieve = timed(model.retrieve, lambda *_: LOSSES)
        if hasattr(model, 'backbone'):
            model.backbone.forward = timed(model.backbone.forward, lambda *_: QUERY)
        self.forward = compile_(lambda views, samples: model(views, samples, mode='loss'))

    def _reached_encoders(self, gradient: Tensor) -> None:
        self.clock.switch(ENCODERS_BACK)

    def __call__(self, views: list[Tensor], samples: dict[str, Tensor]) -> None:
        model, part = self.model, self.clock.part
        if hasattr(model, 'momentum_update'):
            with part(MOMENTUM):
                model.momentum_update()
        with part(LOSSES), self.optim_wrapper.optim_context(model):
            loss, _ = model.parse_losses(self.forward(views, samples))
            loss = self.optim_wrapper.scale_loss(loss)
        with part(LOSSES_BACK):
            self.optim_wrapper.backward(loss)
        with part(OPTIMIZER):
            self.optim_wrapper.step()
            self.optim_wrapper.zero_grad()
        if hasattr(model, 'bank'):
            with part(ENQUEUE):
                model.bank.enqueue(model.keys)


def make_clips(cfg: Config, batch_size: int, device: torch.device) -> tuple[Callable[[], list[Tensor]], dict]:
    """What makes the views of a batch of random clips of 40 to 200 frames, and its data samples."""
    dataset = cfg.train_dataloader.dataset
    preprocessor = cfg.model.get('data_preprocessor') or {}
    pipeline = dataset.get('pipeline')
    on_device = pipeline is None
    pipeline = TRANSFORMS.build(
        dict(type='ViewPipeline', transforms=preprocessor['train_pipeline'] if on_device else pipeline)
    )
    num_persons = dataset.get('num_persons') or cfg.model.backbone.get('num_persons', 2)
    lengths = torch.randint(40, 201, (batch_size,))
    rows = num_persons * lengths
    frames = torch.randn(int(rows.sum()), get_layout(cfg.model.layout).num_joints, 3)
    clips = ClipBatch(frames, rows.cumsum(0) - rows, lengths, torch.full_like(lengths, num_persons), num_persons)
    keys = torch.randint(2**62, (batch_size,))
    if on_device:
        clips = ClipBatch(*(x.to(device) if isinstance(x, Tensor) else x for x in clips))
        keys = keys.to(device)
    num_classes = cfg.model.get('head', {}).get('num_classes', 60)
    samples = dict(labels=torch.randint(num_classes, (batch_size,), device=device))
    return lambda: [view.to(device) for view in pipeline(clips, keys)], samples


def count_flops(cfg: Config) -> float:
    """Floating-point operations that a step's matrix products and convolutions take for one clip."""
    # On the CPU, where the counter sees into recurrent layers and attention that GPUs run as one operation.
    device, num_clips = torch.device('cpu'), 2
    make_views, samples = make_clips(cfg, num_clips, device)
    step = Step(cfg, device, amp=False, compiled=False)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step(make_views(), samples)
    return counter.get_total_flops() / num_clips


def matrix_product(device: torch.device, amp: bool) -> tuple[Callable[[], Tensor], float]:
    """A large matrix product and its floating-point operations."""
    size = 8192 if device.type == 'cuda' else 2048
    dtype = (torch.float16 if device.type == 'cuda' else torch.bfloat16) if amp else torch.float32
    a, b = torch.randn(2, size, size, device=device).to(dtype)
    return lambda: a @ b, 2 * size**3


class Peer:
    """The official CMD step with the sizes of a config.

    Raises:
        PeerError: If the config is not one that CMD can run.
    """

    def __init__(self, path: Path, cfg: Config, device: torch.device, batch_size: int) -> None:
        model = cfg.model
        if model.type != 'CMD' or model.backbone.type != 'BiGRU' or get_layout(model.layout).num_joints != 25:
            raise PeerError('--peer takes a config of CMD with a BiGRU on 25 joints.')
        ours = MODELS.build(model)
        if len(ours.modalities) < 3:
            raise PeerError(f'The peer learns on three modalities, the config on {list(ours.modalities)}.')
        if ours.bank.size % batch_size:
            raise PeerError(f'The peer needs a queue_size ({ours.bank.size}) that --batch-size {batch_size} divides.')
        self.on_cpu = device.type == 'cpu'
        backbone = ours.encoder_q['joint'].backbone
        sizes = dict(
            en_input_size=backbone.input_norm.num_features,
            en_hidden_size=backbone.out_channels // 2,
            en_num_layers=len(backbone.layers),
            num_class=ours.bank.fields['joint'],
        )
        builder = import_peer(path, 'moco.builder_cmd')
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = builder.MoCo(
                'seq-based', sizes, dim=sizes['num_class'], K=ours.bank.size, T=ours.temperature,
                teacher_T=ours.teacher_temperature, student_T=ours.student_temperature,
                cmd_weight=ours.distill_weight, topk=ours.num_neighbors, mlp=True,
            ).to(device).train()  # fmt: skip
        self.optimizer = torch.optim.SGD(
            [p for p in self.model.parameters() if p.requires_grad], lr=0.01, momentum=0.9, weight_decay=1e-4
        )

    def __call__(self, views: list[Tensor]) -> None:
        """A step as in pretrain_moco_cmd.py."""
        query, key = (view.permute(0, 4, 2, 3, 1).contiguous() for view in views)
        with without_cuda() if self.on_cpu else contextlib.nullcontext():
            *logits, labels, loss = self.model(query, key)
        loss = loss + sum(F.cross_entropy(x, labels) for x in logits)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


@contextlib.contextmanager
def without_cuda() -> Iterator[None]:
    """The official step sends its labels to a GPU; here they stay."""
    cuda = Tensor.cuda
    Tensor.cuda = lambda self, *args, **kwargs: self
    try:
        yield
    finally:
        Tensor.cuda = cuda


def measure(cfg: Config, args: argparse.Namespace) -> dict:
    """Seconds of every part and of the peer's step in every repeat, in turn, and bytes of every part."""
    device = torch.device(args.device)
    batch_size = args.batch_size or cfg.train_dataloader.batch_size
    torch.manual_seed(0)
    step = Step(cfg, device, args.amp, args.compile)
    peer = Peer(args.peer, cfg, device, batch_size) if args.peer else None
    make_views, samples = make_clips(cfg, batch_size, device)

    def run(measure_memory: bool = False) -> Clock:
        step.clock = Clock(device, measure_memory)
        with step.clock.part(VIEWS):
            views = make_views()
        step(views, samples)
        return step.clock

    product, product_flops = matrix_product(device, args.amp)
    seconds: dict[str, list[float]] = {name: [] for name in PARTS}
    peer_seconds, product_seconds = [], []
    # The first rounds warm up and do not count; compilers look at more than one.
    for turn in range(-3 if args.compile else -1, args.repeats):
        clock = run()
        for name in PARTS:
            seconds[name] += [clock.seconds[name]] * (turn >= 0)
        if peer:
            peer_clock, views = Clock(device), make_views()
            with peer_clock.part('peer'):
                peer(views)
            peer_seconds += [peer_clock.seconds['peer']] * (turn >= 0)
        product_clock = Clock(device)
        with product_clock.part('product'):
            product()
        product_seconds += [product_clock.seconds['product']] * (turn >= 0)
    gc.collect()
    return dict(
        batch_size=batch_size,
        seconds=seconds,
        peer_seconds=peer_seconds,
        flops=batch_size * count_flops(cfg),
        flops_per_s=product_flops / statistics.median(product_seconds),
        peak_bytes=dict(run(measure_memory=True).peak),
    )


def summarize(measured: dict) -> dict:
    steps = [sum(times) for times in zip(*(measured['seconds'][name] for name in PARTS if name != VIEWS), strict=True)]
    step = statistics.median(steps)
    parts = {
        name: dict(
            seconds=statistics.median(times),
            lowest=min(times),
            highest=max(times),
            share_of_step=None if name == VIEWS else statistics.median(times) / step,
            peak_bytes=measured['peak_bytes'].get(name, 0),
        )
        for name, times in measured['seconds'].items()
        if any(times)
    }
    summary = dict(
        parts=parts,
        step_seconds=step,
        clips_per_s=measured['batch_size'] / step,
        peak_bytes=max(part['peak_bytes'] for part in parts.values()),
        flops=measured['flops'],
        flops_per_s=measured['flops_per_s'],
        floor_seconds=measured['flops'] / measured['flops_per_s'],
        losses_share=sum(parts[name]['share_of_step'] for name in (LOSSES, LOSSES_BACK) if name in parts),
    )
    if measured['peer_seconds']:
        peer = statistics.median(measured['peer_seconds'])
        ratios = [theirs / ours for theirs, ours in zip(measured['peer_seconds'], steps, strict=True)]
        summary['peer'] = dict(
            seconds=peer,
            lowest=min(measured['peer_seconds']),
            highest=max(measured['peer_seconds']),
            ratio=statistics.median(ratios),
            lowest_ratio=min(ratios),
            highest_ratio=max(ratios),
        )
    return summary


def table(summary: dict) -> str:
    def row(name: str, part: dict, share: float | None, memory: int | None) -> str:
        times = ''.join(f'{1e3 * part[key]:>10.1f}' for key in ('seconds', 'lowest', 'highest') if key in part)
        share_text = '' if share is None else f'{share:.1%}'
        return f'{name:<36}{times:<30}{share_text:>8}' + (f'{memory / 2**20:>12,.0f}' if memory else '')

    lines = [f'{"part":<36}{"ms":>10}{"lowest":>10}{"highest":>10}{"share":>8}{"peak MiB":>12}']
    lines += [row(name, part, part['share_of_step'], part['peak_bytes']) for name, part in summary['parts'].items()]
    lines.append(row('step without views', dict(seconds=summary['step_seconds']), 1, summary['peak_bytes']))
    lines.append(
        f'{summary["clips_per_s"]:,.1f} clips/s; similarities and losses with their backward pass are '
        f'{summary["losses_share"]:.1%} of the step'
    )
    lines.append(
        f'floor: {1e3 * summary["floor_seconds"]:,.1f} ms for {summary["flops"] / 1e9:,.1f} GFLOP at the '
        f'{summary["flops_per_s"] / 1e9:,.1f} GFLOP/s of a large matrix product; the step takes '
        f'{summary["step_seconds"] / summary["floor_seconds"]:.2f} times that'
    )
    if peer := summary.get('peer'):
        lines.append(row('official CMD step', peer, None, None))
        lines.append(
            f'ours is {peer["ratio"]:.2f} times as fast, pair by pair from {peer["lowest_ratio"]:.2f} to '
            f'{peer["highest_ratio"]:.2f}'
        )
    return '\n'.join(lines)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('--batch-size', type=positive, help="clips of a batch (default: the config's)")
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'], default='cuda' if torch.cuda.is_available() else 'cpu',
        help='(default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--compile', action='store_true', help='compile forward and backward')
    parser.add_argument('--repeats', type=positive, default=5, help='steps, of which medians (default: %(default)s)')
    parser.add_argument('--peer', type=Path, metavar='PATH', help='checkout of CMD whose step is measured as well')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write everything measured into this file')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    register_all_modules()
    return exit_status(lambda: report(args))


def report(args: argparse.Namespace) -> None:
    measured = measure(checked(load_config(args)), args)
    summary = summarize(measured)
    print(table(summary))
    if args.json:
        machine = dict(
            python=platform.python_version(),
            torch=torch.__version__,
            threads=torch.get_num_threads(),
            device=torch.cuda.get_device_name() if args.device == 'cuda' else platform.processor(),
        )
        options = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
        with written_beside(args.json) as beside:
            result = dict(summary=summary, measured=measured, options=options, machine=machine)
            beside.write_text(json.dumps(result, indent=1))


if __name__ == '__main__':
    sys.exit(main())
