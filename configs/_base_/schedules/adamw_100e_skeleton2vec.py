# Skeleton2vec's schedule for small sets on a CPU.
_base_ = 'adamw_400e_skeleton2vec.py'
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, eta_min_ratio=0.02, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=100)
auto_scale_lr = dict(base_batch_size=64)
