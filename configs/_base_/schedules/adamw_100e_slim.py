# SLiM's schedule for small sets on a CPU.
_base_ = 'adamw_3590e_slim.py'
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, eta_min_ratio=0.006, convert_to_iter_based=True),
    _base_._decay,
]
train_cfg = dict(max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=64)
