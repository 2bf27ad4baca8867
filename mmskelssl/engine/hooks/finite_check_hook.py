"""NaN and infinity end a run instead of spoiling it."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmskelssl.engine.step_record import StepBatch, gradients, non_finite, random_state, write_record
from mmskelssl.engine.utils import any_rank, unwrap_model
from mmskelssl.registry import HOOKS
from mmskelssl.utils.errors import NonFiniteError


@HOOKS.register_module()
class FiniteCheckHook(Hook):
    """Stops on a loss or gradient that is not finite, before any parameter has moved, on all ranks together.

    Gradients exist between the backward pass and the optimizer's step, where MMEngine has no place for hooks: they are
    looked at in the optimizer's own step hook. A loss scaler (AMP) does not call the optimizer while its scale makes
    gradients overflow, so that those, harmless, are not seen here; if they are not finite at scale 1 either, it is no
    overflow of the scale, and counts.

    What the step was made of is written into the work directory, see :func:`write_record`.

    Args:
        max_skipped: Updates of a run, resumed parts included, that are left out instead. A skipped update leaves
            weights, batch statistics and memory bank as they were; only the momentum encoders have moved towards the
            query encoders as before every update. The one after the last stops the run.
    """

    priority = 'ABOVE_NORMAL'  # before QueueEnqueueHook

    def __init__(self, max_skipped: int = 0) -> None:
        if max_skipped < 0:
            raise ValueError(f'FiniteCheckHook: max_skipped={max_skipped} is negative.')
        self.max_skipped = max_skipped
        self._batches: list[StepBatch] = []
        self._losses: dict[str, Tensor] = {}
        self._problem: str | None = None
        self._details: dict = {}
        self._buffers: dict[str, Tensor] = {}

    def before_train(self, runner: Runner) -> None:
        def note_losses(module: nn.Module, args: tuple, output: object) -> None:
            if module.training and isinstance(output, dict):
                self._losses = {name: loss.detach() for name, loss in output.items()}

        @torch.compiler.disable
        def check(optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict) -> None:
            # A fused optimizer finds a scale's overflow in its step and then does nothing.
            if getattr(optimizer, 'found_inf', None) is not None:
                return
            self._check_losses(self._losses)
            bad = non_finite(gradients(unwrap_model(runner.model)))
            if any_rank(bool(bad)):
                self._note('the gradient is not finite', gradients=bad)
            if self._problem:
                optimizer.zero_grad(set_to_none=True)  # without gradients the step moves nothing

        runner.model.register_forward_hook(note_losses)
        runner.optim_wrapper.optimizer.register_step_pre_hook(check)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        if runner.optim_wrapper.should_update():  # the first batch of an update
            self._batches, self._problem, self._details = [], None, {}
            if self.max_skipped:
                self._buffers = {name: value.clone() for name, value in _statistics(runner).items()}
        self._batches.append(StepBatch(data_batch, random_state()))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Raises a NonFiniteError that names report and reproducer."""
        self._check_losses(outputs)
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        if scaler is not None and scaler.is_enabled() and scaler.get_scale() < 1:
            self._note('the gradient is not finite, with a loss scale of 1 either', loss_scale=scaler.get_scale())
        skipped = runner.message_hub.runtime_info.get('skipped_updates', 0)
        if self._problem and (skipped == self.max_skipped or runner.optim_wrapper.should_update()):
            self._leave(runner, skipped)

    def _check_losses(self, outputs: dict[str, Tensor]) -> None:
        bad = non_finite({name: value for name, value in outputs.items() if 'loss' in name})
        if any_rank(bool(bad)):
            self._note('the loss is not finite', losses={name: str(outputs[name].item()) for name in bad})

    def _note(self, problem: str, **details) -> None:
        self._problem = self._problem or problem
        self._details |= details

    def _leave(self, runner: Runner, skipped: int) -> None:
        """Stops, or skips the update."""
        written = write_record(runner, self._batches, self._problem, self._details)
        what = (
            f'Iteration {runner.iter + 1} (epoch {runner.epoch + 1}): {self._problem}. Clips and seeds: '
            f'{written.report}. To see it again: {written.command}'
        )
        if skipped == self.max_skipped:
            more = f' {skipped} updates were skipped before, as max_skipped allows.' if skipped else ''
            raise NonFiniteError(f'{what}.{more} What to do: docs/troubleshooting.md, "Bad numbers".')
        runner.message_hub.update_info('skipped_updates', skipped + 1)
        runner.logger.warning(f'{what}. The update is skipped, number {skipped + 1} of at most {self.max_skipped}.')
        statistics = _statistics(runner)
        torch._foreach_copy_(list(statistics.values()), list(self._buffers.values()))
        model = unwrap_model(runner.model)
        if hasattr(model, 'keys'):
            model.keys = {}  # nothing for the bank


def _statistics(runner: Runner) -> dict[str, Tensor]:
    """Buffers that a forward pass changes: all but the memory bank."""
    buffers = unwrap_model(runner.model).named_buffers()
    return {name: value for name, value in buffers if not name.startswith('bank.')}
