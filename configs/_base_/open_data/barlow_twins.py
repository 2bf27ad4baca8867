_base_ = ['../models/barlow_twins_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, neck=dict(hidden_channels=512), feat_dim=512)
