# SkeletonCLR on motion, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/skeletonclr_bigru.py',
    '../views/turn.py',
    '../schedules/sgd_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(hidden_channels=128, pool='mean'),
    queue_size=256,
    momentum=0.996,
)
