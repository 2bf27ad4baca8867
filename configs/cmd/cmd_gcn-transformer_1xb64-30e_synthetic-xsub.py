# The encoder of I²MD's run on this set, so that the methods compare.
_base_ = ['cmd_bigru64_1xb64-30e_synthetic-xsub.py', '../_base_/models/small_gcn_transformer64.py']
model = dict(backbone=dict(_delete_=True, **_base_.encoder))
optim_wrapper = dict(optimizer=dict(_delete_=True, **_base_.optimizer))
