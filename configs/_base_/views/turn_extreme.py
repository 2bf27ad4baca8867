# An extreme view, then the two of turn.py (query, key): AimCLR at the size for small sets. Without its flip: a hand has
# no left and right.
_base_ = 'turn.py'
_ordinary = _base_.data_preprocessor.train_pipeline[0].transforms
_extreme = [
    *_ordinary,
    dict(type='MainAxisRotation', max_angle=30, max_other_angle=1),
    dict(type='RandomApply', transforms=[dict(type='GaussianNoise', std=0.01)]),
    dict(type='RandomApply', transforms=[dict(type='TemporalBlur', sigma=(0.1, 2.0), radius=7)]),
    dict(type='RandomApply', transforms=[dict(type='AxisMask')]),
]
data_preprocessor = dict(
    train_pipeline=[dict(type='MultiView', transforms=[_extreme, _ordinary], num_views=[1, 2])],
)
