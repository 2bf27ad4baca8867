# PSTL: three views alike; the model cuts frames out of the second and leaves joints out of the third. Goes with the
# sets of CrosSCLR's normalization.
_base_ = 'crossclr.py'
_view = [
    *_base_.data_preprocessor.train_pipeline[0].transforms[:2],
    dict(type='Shear', amplitude=1.0),
    dict(type='MainAxisRotation', max_angle=30, max_other_angle=1),
    dict(type='RandomApply', transforms=[dict(type='LeftRightFlip')]),
]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=3)])
