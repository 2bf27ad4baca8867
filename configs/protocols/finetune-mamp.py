# Backbone and classifier trained as in MAMP: AdamW with rates that fall towards the first layer, drop path, label
# smoothing, a head of two layers on the mean feature of each joint. Other backbones keep their features and options.
_base_ = '_base_/classifier.py'
model = dict(frozen=False, head=dict(type='MLPHead', hidden_channels=2048, label_smoothing=0.1))
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.05),
    constructor='LayerDecayConstructor',
    paramwise_cfg=dict(layer_decay=0.8, bias_decay_mult=0.0, norm_decay_mult=0.0, flat_decay_mult=0.0),
)
# From 0 to the full rate in 5 epochs, then down to 1e-5; both are scaled with the layer.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, end=100, T_max=95, eta_min_ratio=1 / 30, convert_to_iter_based=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=48)
train_dataloader = dict(batch_size=48)
_options = dict(pool='joints', token_dropout=0.3, drop_path=0.3)
protocol = dict(
    type='TrainedClassifier',
    crop_ratio=(0.5, 1.0),
    augmentations=[dict(type='RandomRotation')],
    backbones=dict(SkeletonTransformer=_options, ClassTokenTransformer=_options),
    min_steps=1000,
)
