_base_ = [
    '../../_base_/models/linear_bigru.py',
    '../../_base_/datasets/nw_ucla_xview_turn_linear.py',
    '../../_base_/schedules/linear_sgd_80e.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    modality='motion',
    layout='kinect20',
    backbone=dict(num_joints=20, num_persons=1, hidden_channels=128, pool='mean'),
    head=dict(num_classes=10),
)
