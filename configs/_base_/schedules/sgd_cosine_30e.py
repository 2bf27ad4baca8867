_base_ = 'sgd_cosine_100e.py'
param_scheduler = [dict(type='CosineAnnealingLR', T_max=30, by_epoch=True, convert_to_iter_based=True)]
train_cfg = dict(max_epochs=30)
