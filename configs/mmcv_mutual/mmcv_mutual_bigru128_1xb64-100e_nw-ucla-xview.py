# Sized for 2 CPU cores.
_base_ = [
    '../_base_/models/mmcv_mutual_bigru.py',
    '../_base_/sets/nw_ucla_xview.py',
    '../_base_/views/turn_3views.py',
    '../_base_/schedules/sgd_cosine_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    layout='kinect20',
    num_persons=1,
    backbone=dict(hidden_channels=128, pool='mean'),
    queue_size=1024,
    momentum=0.996,
    num_neighbors=512,
)
