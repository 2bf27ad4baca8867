# CMD and I²MD (section 4.1.2 of the latter's paper): batch 256, 0.01, divided by 10 at 400.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[400], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=10)
auto_scale_lr = dict(base_batch_size=256)
