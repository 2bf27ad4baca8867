# On the encoder that I²MD needs.
_base_ = ['skeletonclr_tcn.py', '../models/small_gcn_transformer64.py']
model = dict(backbone=dict(_delete_=True, **_base_.encoder))
optim_wrapper = dict(optimizer=dict(**_base_.optimizer))
