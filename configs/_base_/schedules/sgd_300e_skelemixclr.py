# SkeleMixCLR: batch 128, 0.1 to the end.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300, val_interval=10)
auto_scale_lr = dict(base_batch_size=128)
