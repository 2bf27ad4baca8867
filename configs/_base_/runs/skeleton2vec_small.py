# Skeleton2vec, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/skeleton2vec_skeleton_transformer.py',
    '../views/mamp_64.py',
    '../schedules/adamw_100e_skeleton2vec.py',
    '../default_runtime.py',
]
# Of 20 to 25 joints two stay visible. A small set has 2,000 updates, which a teacher as slow as the paper's would not
# live to see.
model = dict(
    backbone=dict(num_frames=64, width=128, num_layers=4, num_heads=4, drop_path=0.0),
    decoder=dict(width=128, num_layers=2, num_heads=4),
    mask_ratio=0.89,
    tube_length=4,
    num_target_layers=4,
    momentum=dict(_delete_=True, start=0.99, end=0.999),
)
