_base_ = ['../models/crossclr_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, cross_epoch=50, **_base_.bank)
