# The official program of ISC on NTU RGB+D 120: batch 64, 0.01, divided by 10 at 251.
_base_ = 'sgd_451e_cmd.py'
param_scheduler = [dict(type='MultiStepLR', milestones=[251], gamma=0.1)]
train_cfg = dict(max_epochs=351)
