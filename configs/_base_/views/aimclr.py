# AimCLR: an extreme view, then the two of CrosSCLR (query, key). Goes with the sets of its normalization.
_base_ = 'crossclr.py'
_ordinary = _base_.data_preprocessor.train_pipeline[0].transforms
_extreme = [
    *_ordinary,
    dict(type='RandomApply', transforms=[dict(type='LeftRightFlip')]),
    dict(type='MainAxisRotation', max_angle=30, max_other_angle=1),
    dict(type='RandomApply', transforms=[dict(type='GaussianNoise', std=0.01)]),
    dict(type='RandomApply', transforms=[dict(type='TemporalBlur', sigma=(0.1, 2.0), radius=7)]),
    dict(type='RandomApply', transforms=[dict(type='AxisMask')]),
]
data_preprocessor = dict(
    train_pipeline=[dict(type='MultiView', transforms=[_extreme, _ordinary], num_views=[1, 2])],
)
