# Sized for 2 CPU cores.
_base_ = [
    '../_base_/models/crossclr_bigru.py',
    '../_base_/sets/synthetic_xsub.py',
    '../_base_/views/turn.py',
    '../_base_/schedules/sgd_cosine_30e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(hidden_channels=64, pool='mean'),
    queue_size=1024,
    momentum=0.996,
    cross_epoch=15,
)
