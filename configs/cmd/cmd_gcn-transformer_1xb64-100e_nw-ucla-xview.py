# The encoder of I²MD's run on this set, so that the methods compare.
_base_ = ['cmd_bigru128_1xb64-100e_nw-ucla-xview.py', '../_base_/models/small_gcn_transformer128.py']
model = dict(backbone=dict(_delete_=True, **_base_.encoder))
optim_wrapper = dict(optimizer=dict(_delete_=True, **_base_.optimizer))
