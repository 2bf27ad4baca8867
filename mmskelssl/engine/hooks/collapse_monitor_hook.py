"""A representation that collapses is noticed, and the state of the memory bank can be followed."""

from __future__ import annotations

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmskelssl.engine.hooks.queue_enqueue_hook import gather_rows
from mmskelssl.evaluation.functional import effective_rank, spread
from mmskelssl.models import MemoryBank
from mmskelssl.models.distributed import unwrap_model
from mmskelssl.registry import HOOKS

# Config keys that say how many neighbours a method mines.
_MINED = ('topk', 'num_aggregated')
_UNKNOWN = -1


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Follows the embeddings through the memory bank, whose newest keys are the last steps' of all ranks.

    Every ``interval`` iterations it logs, for each of the bank's fields of embeddings,

    - ``monitor/{field}_spread``, see :func:`spread`, and ``monitor/{field}_rank``, see :func:`effective_rank`, both of
      the newest keys;
    - ``monitor/{field}_true_neighbours``: of the nearest keys in the bank, as many as the method mines, the share with
      the label of the clip; neighbours without a known label are left out;

    and ``monitor/bank_age_steps`` and ``monitor/bank_age_epochs``: how long ago the oldest key entered.

    Labels never reach the model: the hook keeps them, in a ring beside the bank's that is neither saved nor handed on.
    After resuming, shares come back as the bank is filled again.

    Args:
        interval: Iterations between two measurements.
        window: Newest keys that are measured.
        num_neighbors: Neighbours that are looked at; by default what the method mines (``topk``, ``num_aggregated``),
            or the nearest one.
        min_spread: Below, a warning is given.
        min_rank: Likewise.
        begin: Epochs before the first warning: new encoders map everything to nearly the same point.
    """

    priority = 'ABOVE_NORMAL'  # before QueueEnqueueHook: the bank is as the step saw it

    def __init__(
        self,
        interval: int = 50,
        window: int = 1024,
        num_neighbors: int | None = None,
        min_spread: float = 0.05,
        min_rank: float = 2.0,
        begin: int = 1,
    ) -> None:
        self.interval = interval
        self.window = window
        self.num_neighbors = num_neighbors
        self.min_spread = min_spread
        self.min_rank = min_rank
        self.begin = begin
        self._labels: MemoryBank | None = None
        self._pending: list[Tensor] = []
        self._collapsed: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        bank = unwrap_model(runner.model).bank
        self._labels = MemoryBank(bank.size, dict(label=1)).to(bank.pointer.device)
        self._labels['label'].fill_(_UNKNOWN)
        self._labels.pointer.copy_(bank.pointer)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        model = unwrap_model(runner.model)
        labels = _labels_of(model, data_batch)
        if self.every_n_train_iters(runner, self.interval) and is_main_process() and model.keys:
            self._measure(runner, model, labels)
        self._pending.append(labels[:, None])
        if runner.optim_wrapper.should_update():
            pending, self._pending = self._pending, []
            if model.keys:  # emptied where the update was skipped
                self._labels.enqueue(dict(label=torch.cat([gather_rows(rows) for rows in pending])))

    @torch.no_grad()
    def _measure(self, runner: Runner, model: nn.Module, labels: Tensor) -> None:
        cycle = BankCycle.of(runner.train_dataloader, model.bank.size)
        filled = min(cycle.keys_at(runner.iter), model.bank.size)
        if not filled:
            return
        newest = (model.bank.pointer - 1 - torch.arange(min(self.window, filled), device=labels.device)) % (
            model.bank.size
        )
        mined = self.num_neighbors or next((getattr(model, key) for key in _MINED if hasattr(model, key)), 1)
        values = dict(bank_age_steps=cycle.age_at(runner.iter))
        values['bank_age_epochs'] = values['bank_age_steps'] / cycle.epoch_steps
        for name, keys in model.keys.items():
            if name.endswith('_hidden'):
                continue
            recent = model.bank[name][newest]
            values[f'{name}_spread'] = spread(recent)
            values[f'{name}_rank'] = effective_rank(recent)
            share = true_share(keys, model.bank[name], labels, self._labels['label'].flatten(), mined)
            if share is not None:
                values[f'{name}_true_neighbours'] = share
            self._warn(runner, name, values[f'{name}_spread'], values[f'{name}_rank'], len(recent))
        step = runner.iter + 1
        rows = {f'monitor/{key}': value for key, value in values.items()}
        runner.visualizer.add_scalars(dict(rows, iter=step), step=step)

    def _warn(self, runner: Runner, name: str, spread: float, rank: float, count: int) -> None:
        """Once when a collapse begins, not at every measurement of it."""
        if spread >= self.min_spread and rank >= self.min_rank:
            self._collapsed.discard(name)
        elif runner.epoch >= self.begin and name not in self._collapsed:
            self._collapsed.add(name)
            runner.logger.warning(
                f'The embeddings of {name} have collapsed: the newest {count} keys have spread {spread:.3g} (1 if '
                f'even) and effective rank {rank:.3g}. What to do: docs/troubleshooting.md, "Collapse".'
            )


class BankCycle:
    """When keys enter a bank and leave it, from sizes alone, so that it is known after resuming as well.

    Args:
        size: Slots of the bank.
        step_keys: Keys of a step, of all ranks.
        epoch_keys: Keys of an epoch; its last step may bring fewer.
    """

    def __init__(self, size: int, step_keys: int, epoch_keys: int) -> None:
        self.size, self.step_keys, self.epoch_keys = size, step_keys, epoch_keys
        self.epoch_steps = -(-epoch_keys // step_keys)

    @classmethod
    def of(cls, loader: DataLoader, size: int) -> BankCycle:
        step_keys = loader.batch_size * get_world_size()
        return cls(size, step_keys, min(len(loader.dataset), len(loader) * step_keys))

    def keys_at(self, step: int) -> int:
        """Keys that entered in the first ``step`` steps."""
        epochs, steps = divmod(step, self.epoch_steps)
        return epochs * self.epoch_keys + min(steps * self.step_keys, self.epoch_keys)

    def age_at(self, step: int) -> int:
        """Steps since the oldest key in the bank entered, 1 for the last step's; of all keys, while it fills."""
        oldest = max(self.keys_at(step) - self.size, 0)
        epochs, keys = divmod(oldest, self.epoch_keys)
        return step - (epochs * self.epoch_steps + keys // self.step_keys)


def true_share(keys: Tensor, bank: Tensor, labels: Tensor, bank_labels: Tensor, count: int) -> float | None:
    """Share of same labels among the nearest keys of a bank.

    Args:
        keys: (N, D) unit vectors.
        bank: (K, D) unit vectors.
        labels: (N,) of the keys, negative where unknown.
        bank_labels: (K,) likewise.
        count: Nearest keys that are looked at.

    Returns:
        A number from 0 to 1; None if no pair has known labels.
    """
    nearest = bank_labels[(keys.to(bank.dtype) @ bank.T).topk(min(count, len(bank)), dim=1).indices]
    known = (nearest >= 0) & (labels >= 0)[:, None]
    if not known.any():
        return None
    return ((nearest == labels[:, None]) & known).sum().item() / known.sum().item()


def _labels_of(model: nn.Module, data_batch: dict) -> Tensor:
    """(N,) labels of the step's keys, unknown ones where the data has none."""
    count = len(next(iter(model.keys.values()), ()))
    labels = (data_batch.get('data_samples') or {}).get('labels')
    if labels is None:
        labels = torch.full((count,), _UNKNOWN)
    return labels[:count].to(model.bank.pointer.device)
