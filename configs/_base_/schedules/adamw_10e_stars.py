# STARS: batch 128, 0.001 for the head and the last norm, each block below at 0.45 of the one above. The weight decay is
# AdamW's own: that of the official configs does not reach the optimizer. There gradients are clipped tensor by tensor.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01),
    clip_grad=dict(max_norm=3),
    constructor='LayerDecayConstructor',
    paramwise_cfg=dict(layer_decay=0.45),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=1)
auto_scale_lr = dict(base_batch_size=128)
