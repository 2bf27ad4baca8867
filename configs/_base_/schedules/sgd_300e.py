# CrosSCLR: batch 128, 0.1, divided by 10 at 250.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[250], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300, val_interval=10)
auto_scale_lr = dict(base_batch_size=128)
