# USDRL on PKU-MMD II: divided by 10 at 801.
_base_ = 'adam_451e.py'
param_scheduler = [dict(type='MultiStepLR', milestones=[801], gamma=0.1)]
train_cfg = dict(max_epochs=1201)
