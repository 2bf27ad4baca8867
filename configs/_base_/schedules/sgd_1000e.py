# CMD and I²MD on PKU-MMD II: divided by 10 at 800.
_base_ = 'sgd_500e.py'
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1)]
train_cfg = dict(max_epochs=1000)
