_base_ = [
    '../../_base_/models/linear_bigru.py',
    '../../_base_/datasets/synthetic_xsub_turn_linear.py',
    '../../_base_/schedules/linear_sgd_80e.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    modality='motion',
    backbone=dict(hidden_channels=64, pool='mean'),
    head=dict(num_classes=20),
)
