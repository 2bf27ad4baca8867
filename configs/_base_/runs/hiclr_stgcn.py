# HiCLR on motion, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/hiclr_stgcn.py',
    '../views/turn_extreme_4views.py',
    '../schedules/sgd_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(base_channels=8, out_channels=128, dropout=0.0),
    queue_size=256,
    momentum=0.996,
    cross_epoch=50,
)
