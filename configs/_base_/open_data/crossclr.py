_base_ = ['../models/crossclr_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, momentum=0.996)
