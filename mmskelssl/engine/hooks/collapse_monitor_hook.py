"""A representation that collapses is noticed."""

from __future__ import annotations

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.evaluation.functional import effective_rank, spread
from mmskelssl.models import SelfSupervised
from mmskelssl.models.distributed import gather_rows, unwrap_model
from mmskelssl.registry import HOOKS

_MIN_SPREAD = 0.05
_MIN_RANK = 2.0


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Follows what the model leaves in ``model.embeddings``: the last step's, of all ranks.

    Every ``interval`` iterations it logs ``monitor/{name}_spread``, see :func:`spread`, and ``monitor/{name}_rank``,
    see :func:`effective_rank`, of the embeddings at unit length, and warns when one is too small.

    Args:
        interval: Iterations between two measurements.
        begin: Epochs before the first warning: new encoders map everything to nearly the same point.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self, interval: int = 50, begin: int = 1) -> None:
        self.interval = interval
        self.begin = begin
        self._collapsed: set[str] = set()
        self._is_blind = False

    @torch.no_grad()
    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        if not self.every_n_train_iters(runner, self.interval):
            return
        model = unwrap_model(runner.model)
        embeddings = getattr(model, 'embeddings', {})
        if isinstance(model, SelfSupervised) and not embeddings and not self._is_blind:
            self._is_blind = True
            name = type(model).__name__
            runner.logger.warning(f'{name}.loss leaves nothing in self.embeddings: a collapse will not be noticed.')
        gathered = {name: gather_rows(z) for name, z in embeddings.items()}
        if not gathered or not is_main_process():
            return
        step = runner.iter + 1
        rows = {}
        for name, z in gathered.items():
            z = torch.nn.functional.normalize(z.float(), dim=1)
            rows[f'monitor/{name}_spread'], rows[f'monitor/{name}_rank'] = spread(z), effective_rank(z)
            self._warn(runner, name, rows[f'monitor/{name}_spread'], rows[f'monitor/{name}_rank'], len(z))
        runner.visualizer.add_scalars(dict(rows, iter=step), step=step)

    def _warn(self, runner: Runner, name: str, spread: float, rank: float, count: int) -> None:
        """Once when a collapse begins, not at every measurement of it."""
        if spread >= _MIN_SPREAD and rank >= min(_MIN_RANK, count / 2):
            self._collapsed.discard(name)
        elif runner.epoch >= self.begin and name not in self._collapsed:
            self._collapsed.add(name)
            runner.logger.warning(
                f'The embeddings of {name} have collapsed: the last {count} have spread {spread:.3g} (1 if even) and '
                f'effective rank {rank:.3g}. What to do: docs/troubleshooting.md, "Collapse".'
            )
