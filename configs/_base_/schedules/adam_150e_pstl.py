# PSTL: batch 128, Adam, 0.005 after ten epochs, then on a cosine to zero, both by epoch; the first epoch hardly moves.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-3, weight_decay=1e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=11),
    dict(type='CosineAnnealingLR', begin=10, T_max=140),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=150, val_interval=10)
auto_scale_lr = dict(base_batch_size=128)
