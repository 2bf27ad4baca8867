# USDRL on motion, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/usdrl_dste.py',
    '../views/turn_4views.py',
    '../schedules/adam_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(num_frames=32, width=64),
    neck=dict(
        temporal=dict(hidden_channels=128),
        spatial=dict(hidden_channels=128),
        instance=dict(hidden_channels=128, out_channels=256),
    ),
    feat_dim=128,
)
