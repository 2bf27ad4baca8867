# Skeleton2vec's program: batch 96, 0.0005 after 20 epochs, then on a cosine down to 0.00001; everything decays.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, betas=(0.9, 0.95), weight_decay=0.05),
    clip_grad=dict(max_norm=3),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=20, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=20, eta_min_ratio=0.02, convert_to_iter_based=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=400, val_interval=10)
auto_scale_lr = dict(base_batch_size=96)
