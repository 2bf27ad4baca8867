# SLiM, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/slim_class_token_transformer.py',
    '../views/slim.py',
    '../schedules/adamw_100e_slim.py',
    '../default_runtime.py',
]
_small = dict(out_channels=1024, hidden_channels=512, bottleneck_channels=64)
model = dict(
    backbone=dict(width=128, num_layers=4, num_heads=4),
    neck=dict(clip=_small, token=_small),
    warmup_epochs=20,
)
