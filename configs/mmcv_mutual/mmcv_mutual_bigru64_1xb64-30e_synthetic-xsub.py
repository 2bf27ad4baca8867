# Sized for 2 CPU cores.
_base_ = [
    '../_base_/models/mmcv_mutual_bigru.py',
    '../_base_/sets/synthetic_xsub.py',
    '../_base_/views/turn_3views.py',
    '../_base_/schedules/sgd_cosine_30e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(hidden_channels=64, pool='mean'),
    queue_size=1024,
    momentum=0.996,
    num_neighbors=512,
)
