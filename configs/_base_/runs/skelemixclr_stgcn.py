# SkeleMixCLR on motion, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/skelemixclr_stgcn.py',
    '../views/turn.py',
    '../schedules/sgd_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(base_channels=8, out_channels=128, dropout=0.0),
    mix_blocks=(3, 6),
    queue_size=256,
    momentum=0.996,
)
