_base_ = [
    '../../_base_/models/linear_gcn_transformer.py',
    '../../_base_/datasets/synthetic_xsub_turn_linear.py',
    '../../_base_/schedules/linear_sgd_80e.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    modality='motion',
    backbone=dict(gcn_channels=16, width=64, num_layers=2, num_heads=4, ffn_channels=128),
    head=dict(num_classes=20),
)
