"""What a training step was made of, written so that it can be looked into and run again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_gather_object, get_rank, is_main_process
from mmengine.runner import Runner
from torch import Tensor, nn

from mmskelssl.engine.utils import unwrap_model
from mmskelssl.utils.files import written_beside


class StepBatch(NamedTuple):
    """One batch of an update.

    Args:
        data: As the loader gave it.
        random: :func:`random_state` before the batch.
    """

    data: dict
    random: dict[str, Tensor]


class WrittenRecord(NamedTuple):
    """Where a record lies, and how its step is seen again."""

    report: Path
    reproducer: Path
    command: str


def random_state() -> dict[str, Tensor]:
    """State of torch's generators: of the CPU, and of this process' GPU if there is one."""
    state = dict(cpu=torch.get_rng_state())
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Tensor]) -> None:
    """Goes back to a :func:`random_state`; that of a GPU is left out where there is none."""
    torch.set_rng_state(state['cpu'])
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'])


def write_record(runner: Runner, batches: Sequence[StepBatch], problem: str, details: dict) -> WrittenRecord:
    """Writes the step that is under way into ``bad_numbers/`` of the work directory; all ranks have to call it.

    ``iter_N.json`` lists the clips of all ranks in the order of the data, each with the seed and epoch that its views
    follow from (``dataset[ClipDraw(index, seed, epoch)]`` makes them again). ``iter_N.pth`` holds weights, bank, views
    and the state of the random numbers, as tensors and plain data: what ``replay_step.py`` needs.

    Args:
        runner: The runner, in or just after the step.
        batches: All batches of the update so far, of this rank.
        problem: What is wrong with the step.
        details: More on it, plain data.
    """
    model = unwrap_model(runner.model)
    with torch.no_grad():
        views = [_on_cpu(model.data_preprocessor(batch.data, True)) for batch in batches]
    own = [dict(rank=get_rank(), random=batch.random, **view) for batch, view in zip(batches, views, strict=True)]
    ranks = all_gather_object(own)
    weights = {name.removeprefix('module.'): value for name, value in runner.model.state_dict().items()}

    number = runner.iter + 1
    folder = Path(runner.work_dir) / 'bad_numbers'
    report, reproducer = folder / f'iter_{number}.json', folder / f'iter_{number}.pth'
    config = Path(runner.work_dir) / Path(runner.cfg.filename or f'{runner.timestamp}.py').name
    command = f'python tools/analysis_tools/replay_step.py {config} {reproducer}'
    if is_main_process():
        head = dict(problem=problem, iteration=number, epoch=runner.epoch, replay=command)
        steps = [batch for turn in zip(*ranks, strict=True) for batch in turn]
        with written_beside(reproducer) as path:
            torch.save(dict(state_dict=weights, meta=head, steps=steps), path)
        rows = [row for turn in zip(*ranks, strict=True) for row in _rows(runner, turn)]
        with written_beside(report) as path:
            path.write_text(json.dumps(dict(head, **details, clips=rows), indent=1), encoding='utf-8')
    return WrittenRecord(report, reproducer, command)


def _rows(runner: Runner, batches: Sequence[dict]) -> list[dict]:
    """One row a clip of the ranks' batches; samplers deal clips to the ranks in turn."""
    loader = runner.train_dataloader
    names = getattr(loader.dataset, 'names', None)
    columns = [batch.get('data_samples') or {} for batch in batches]
    indices = [column.get('index', torch.zeros(0)).tolist() for column in columns]
    rows = []
    for position in range(max(map(len, indices))):
        for batch, index in zip(batches, indices, strict=True):
            if position < len(index):
                clip = index[position]
                rows.append(
                    dict(
                        name=None if names is None else str(names[clip]),
                        index=clip,
                        seed=getattr(loader.sampler, 'seed', None),
                        epoch=runner.epoch,
                        rank=batch['rank'],
                        views_are_finite=bool(all(view[position].isfinite().all() for view in batch['inputs'])),
                    )
                )
    return rows


def _on_cpu(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data.cpu()
    if isinstance(data, dict):
        return {key: _on_cpu(value) for key, value in data.items()}
    return [_on_cpu(value) for value in data] if isinstance(data, (list, tuple)) else data


def non_finite(tensors: dict[str, Tensor]) -> list[str]:
    """Names of the tensors that hold NaN or infinity, in their order; waits for the device once."""
    tensors = {name: value for name, value in tensors.items() if value.numel()}
    if not tensors:
        return []
    # The largest magnitude is NaN or infinite if any number is; unlike squares, it does not overflow by itself.
    largest = torch.stack(torch._foreach_norm([value.detach() for value in tensors.values()], torch.inf))
    return [name for name, good in zip(tensors, largest.isfinite().tolist(), strict=True) if not good]


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """Gradients there are, by the names of their parameters."""
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
