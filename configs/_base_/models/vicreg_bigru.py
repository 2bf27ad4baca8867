_base_ = 'barlow_twins_bigru.py'
model = dict(
    _delete_=True,
    type='VICReg',
    **{key: value for key, value in _base_.model.items() if key not in ('type', 'redundancy_weight')},
    invariance_weight=25.0,
    variance_weight=25.0,
    covariance_weight=1.0,
)
