"""Per-class accuracy and the confusion matrix as files."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmskelssl.evaluation import Accuracy
from mmskelssl.registry import HOOKS
from mmskelssl.utils.files import written_beside
from mmskelssl.visualization import plot_confusion, save_figure


@HOOKS.register_module()
class ClassificationReportHook(Hook):
    """Writes ``classification.json`` and ``confusion.png`` into the work directory after training and after a test."""

    def after_train(self, runner: Runner) -> None:
        if runner.val_loop is not None:
            self._report(runner, runner.val_loop)

    def after_test(self, runner: Runner) -> None:
        self._report(runner, runner.test_loop)

    @master_only
    def _report(self, runner: Runner, loop) -> None:
        for metric in loop.evaluator.metrics:
            if isinstance(metric, Accuracy) and metric.confusion is not None:
                folder = Path(runner.work_dir)
                report = metric.report()
                with written_beside(folder / 'classification.json') as path:
                    path.write_text(json.dumps(report, indent=1), encoding='utf-8')
                save_figure(plot_confusion(metric.confusion, report['classes']), folder / 'confusion.png')
                runner.logger.info(f'Per-class accuracy and confusion matrix: {folder}/classification.json, '
                                   'confusion.png')  # fmt: skip
