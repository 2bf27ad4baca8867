# CMD on the encoder that I²MD needs.
_base_ = ['cmd.py', '../models/small_gcn_transformer64.py']
model = dict(backbone=dict(_delete_=True, **_base_.encoder))
