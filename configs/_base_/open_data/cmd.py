_base_ = ['../models/cmd_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, momentum=0.996)
