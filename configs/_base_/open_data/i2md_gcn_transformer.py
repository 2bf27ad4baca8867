_base_ = ['../models/i2md_gcn_transformer.py', 'common.py', '../models/small_gcn_transformer64.py']
model = dict(backbone=dict(_delete_=True, **_base_.encoder), num_neighbors=512, num_aggregated=16, **_base_.bank)
optim_wrapper = dict(optimizer=dict(**_base_.optimizer))
