"""Stops a run on NaN or infinity, before they reach the weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mmskelssl.evaluation.functional import check_finite
from mmskelssl.models.distributed import any_rank, unwrap_model
from mmskelssl.registry import HOOKS
from mmskelssl.utils.errors import NonFiniteError


@HOOKS.register_module()
class FiniteCheckHook(Hook):
    """Stops a run on a loss or gradient that is not finite, before any parameter moves, on all processes together.

    Features and scores that are evaluated have to be finite, too.

    MMEngine calls no hook between the backward pass and the optimizer's step, so gradients are checked in a hook of the
    optimizer itself. A loss scaler (AMP) skips the optimizer when its scale makes gradients overflow; this is harmless
    and not seen here. The run stops if gradients overflow at a scale of 1 too.
    """

    priority = 'ABOVE_NORMAL'  # before QueueEnqueueHook

    def before_train(self, runner: Runner) -> None:
        self._losses: dict[str, Tensor] = {}

        def note_losses(module: nn.Module, args: tuple, output: object) -> None:
            if module.training and isinstance(output, dict):
                self._losses = _losses(output)

        @torch.compiler.disable
        def check(optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
            # A fused optimizer gets the scaler's overflow flag and then skips the step itself.
            if getattr(optimizer, 'found_inf', None) is None:
                parameters = unwrap_model(runner.model).named_parameters()
                gradients = {name: value.grad for name, value in parameters if value.grad is not None}
                self._stop_if(runner, 'loss', non_finite(self._losses))
                self._stop_if(runner, 'gradient', non_finite(gradients))

        runner.model.register_forward_hook(note_losses)
        runner.optim_wrapper.optimizer.register_step_pre_hook(check)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict) -> None:
        if runner.optim_wrapper.should_update():  # the first batch of an update
            self._clips: list[int] = []
        self._clips += data_batch['data_samples']['index'].tolist()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict, outputs: dict) -> None:
        """Raises a NonFiniteError for losses of accumulated batches, and for overflow that no loss scale cures."""
        self._stop_if(runner, 'loss', non_finite(_losses(outputs)))
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        overflows = scaler is not None and scaler.is_enabled() and scaler.get_scale() < 1
        self._stop_if(runner, 'gradient', ['it overflows even at a loss scale of 1'] if overflows else [])

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence[dict] | None = None
    ) -> None:
        """Raises a NonFiniteError for features or scores that are not finite."""
        _check_outputs(outputs, runner.val_loop.dataloader.dataset)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence[dict] | None = None
    ) -> None:
        """The same."""
        _check_outputs(outputs, runner.test_loop.dataloader.dataset)

    def after_gallery_iter(self, runner: Runner, loader: DataLoader, outputs: Sequence[dict]) -> None:
        """The same."""
        _check_outputs(outputs, loader.dataset)

    def _stop_if(self, runner: Runner, what: str, problems: list[str]) -> None:
        if any_rank(bool(problems)):
            ranks = all_gather_object((problems, self._clips))
            names = getattr(runner.train_dataloader.dataset, 'names', None)
            clips = dict.fromkeys(str(clip if names is None else names[clip]) for _, own in ranks for clip in own)
            raise NonFiniteError(
                f'Iteration {runner.iter + 1} (epoch {runner.epoch + 1}, seed {runner.seed}): the {what} is not finite '
                f'({", ".join(dict.fromkeys(problem for own, _ in ranks for problem in own))}). No parameter was '
                'changed by it. What to do: docs/troubleshooting.md, "Bad numbers". Clips of this update: '
                f'{", ".join(clips)}.'
            )


def _check_outputs(outputs: Sequence[dict] | None, dataset: Dataset) -> None:
    for output in outputs or ():
        values = dict(output.get('features', {}), **{name: output[name] for name in ('scores',) if name in output})
        check_finite(values, output['index'].tolist(), getattr(dataset, 'names', None))


def _losses(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in outputs.items() if 'loss' in name}


def non_finite(tensors: dict[str, Tensor]) -> list[str]:
    """Names of the tensors that hold NaN or infinity, in their order; waits for the device once."""
    tensors = {name: value.detach() for name, value in tensors.items() if value.numel()}
    if not tensors:
        return []
    # The largest magnitude is NaN or infinite if any number is; unlike squares, it does not overflow by itself.
    largest = torch.stack(torch._foreach_norm(list(tensors.values()), torch.inf))
    return [name for name, good in zip(tensors, largest.isfinite().tolist(), strict=True) if not good]
