# AMR, sized for 2 CPU cores and small sets: everything but the set. 12 frames do not divide 64.
_base_ = [
    '../models/amr_skeleton_transformer.py',
    '../views/mamp_64.py',
    '../schedules/adamw_100e_mamp.py',
    '../default_runtime.py',
]
model = dict(
    backbone=dict(num_frames=64, width=128, num_layers=4, num_heads=4),
    decoder=dict(segments_per_query=4, width=128, num_layers=2, num_heads=4),
    windows=(4, 8, 16),
)
