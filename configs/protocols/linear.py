# Linear evaluation as in CMD and I²MD: batch 64, 0.1. Backbone, classes and data come from the checkpoint.
_base_ = [
    '../_base_/models/linear_bigru.py',
    '../_base_/datasets/linear.py',
    '../_base_/schedules/linear_sgd_80e.py',
    '../_base_/default_runtime.py',
]
protocol = dict(type='TrainedClassifier', crop_ratio=(0.5, 1.0))
