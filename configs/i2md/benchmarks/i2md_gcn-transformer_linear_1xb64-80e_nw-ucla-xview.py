_base_ = [
    '../../_base_/models/linear_gcn_transformer.py',
    '../../_base_/datasets/nw_ucla_xview_turn_linear.py',
    '../../_base_/schedules/linear_sgd_80e.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    modality='motion',
    layout='kinect20',
    backbone=dict(
        layout='kinect20', num_persons=1, gcn_channels=16, width=128, num_layers=2, num_heads=4, ffn_channels=256
    ),
    head=dict(num_classes=10),
)
