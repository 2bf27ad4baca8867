# STARS on the encoders of mamp_small.py: everything but the set and the checkpoint.
_base_ = [
    '../models/stars_skeleton_transformer.py',
    '../views/whole_64.py',
    '../schedules/adamw_10e_stars.py',
    '../default_runtime.py',
]
model = dict(
    backbone=dict(num_frames=64, width=128, num_layers=4, num_heads=4),
    learning_layers=2,
    predictor_channels=1024,
    queue_size=1024,
)
auto_scale_lr = dict(base_batch_size=64)
