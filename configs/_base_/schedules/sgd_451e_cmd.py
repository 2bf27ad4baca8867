# The official program of CMD: batch 64, 0.01, divided by 10 at 351.
_base_ = 'sgd_500e.py'
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1)]
train_cfg = dict(max_epochs=451)
auto_scale_lr = dict(base_batch_size=64)
