# Backbone and classifier trained: batch 64, learning rate 0.01.
_base_ = [
    '../_base_/models/linear_bigru.py',
    '../_base_/datasets/linear.py',
    '../_base_/schedules/finetune_sgd_80e.py',
    '../_base_/default_runtime.py',
]
model = dict(frozen=False)
custom_hooks = [dict(type='SetupCheckHook'), dict(type='ClassificationReportHook')]
protocol = dict(type='TrainedClassifier', crop_ratio=(0.5, 1.0))
