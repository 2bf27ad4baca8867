# MMCV at the length that the official program of CMD, its origin, has for PKU-MMD II.
_base_ = 'sgd_451e_mmcv.py'
param_scheduler = [dict(type='MultiStepLR', milestones=[801], gamma=0.1)]
train_cfg = dict(max_epochs=1001)
