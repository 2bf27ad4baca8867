_base_ = ['../models/i2md_gcn_transformer.py', 'common.py', '../models/small_gcn_transformer64.py']
model = dict(backbone=dict(_delete_=True, **_base_.encoder), momentum=0.996, num_aggregated=16)
