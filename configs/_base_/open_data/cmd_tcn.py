_base_ = ['../models/cmd_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, num_neighbors=512, **_base_.bank)
