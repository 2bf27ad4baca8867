# SCD-Net on motion, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/scd_net_decoupled_encoder.py',
    '../views/turn_masked.py',
    '../schedules/sgd_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(num_frames=32, gcn_channels=8, width=64, num_heads=4),
    neck=dict(instance=dict(hidden_channels=64)),
    queue_size=256,
    momentum=0.996,
)
