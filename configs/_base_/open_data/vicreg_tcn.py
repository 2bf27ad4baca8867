_base_ = ['../models/vicreg_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, neck=dict(hidden_channels=256), feat_dim=256)
