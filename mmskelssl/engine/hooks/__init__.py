from mmskelssl.engine.checkpoints import CheckpointHook
from mmskelssl.engine.hooks.classification_report_hook import ClassificationReportHook
from mmskelssl.engine.hooks.collapse_monitor_hook import CollapseMonitorHook
from mmskelssl.engine.hooks.finite_check_hook import FiniteCheckHook
from mmskelssl.engine.hooks.frozen_backbone_hook import FrozenBackboneHook
from mmskelssl.engine.hooks.momentum_update_hook import MomentumUpdateHook
from mmskelssl.engine.hooks.queue_enqueue_hook import QueueEnqueueHook
from mmskelssl.engine.hooks.run_summary_hook import RunSummaryHook
from mmskelssl.engine.hooks.setup_check_hook import SetupCheckHook
from mmskelssl.engine.interruption import InterruptionHook

__all__ = [
    'CheckpointHook',
    'ClassificationReportHook',
    'CollapseMonitorHook',
    'FiniteCheckHook',
    'FrozenBackboneHook',
    'InterruptionHook',
    'MomentumUpdateHook',
    'QueueEnqueueHook',
    'RunSummaryHook',
    'SetupCheckHook',
]
