# SLiM: 187,500 steps of 768 clips, which are 3,590 epochs of NTU-60 x-sub. 2e-4 · √(768 / 1024) after 25,000 steps,
# then on a cosine down to 1e-6; weight decay from 0.04 on a cosine up to 0.2; the embedding at a fifth of the rate.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.732e-4, weight_decay=0.04),
    clip_grad=dict(max_norm=3),
    constructor='GroupedConstructor',
    paramwise_cfg=dict(
        bias_decay_mult=0.0,
        norm_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            'backbone.embedding.weight': dict(lr_mult=0.2),
            'backbone.embedding.bias': dict(lr_mult=0.2, decay_mult=0.0),
        },
    ),
)
_decay = dict(
    type='CosineAnnealingParamScheduler', param_name='weight_decay', eta_min_ratio=5.0, convert_to_iter_based=True
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=479, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=479, eta_min_ratio=0.006, convert_to_iter_based=True),
    _decay,
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3590, val_interval=100)
auto_scale_lr = dict(base_batch_size=768)
