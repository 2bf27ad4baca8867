# MAMP, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/mamp_skeleton_transformer.py',
    '../views/mamp_64.py',
    '../schedules/adamw_100e_mamp.py',
    '../default_runtime.py',
]
model = dict(
    backbone=dict(num_frames=64, width=128, num_layers=4, num_heads=4),
    decoder=dict(width=128, num_layers=2, num_heads=4),
)
