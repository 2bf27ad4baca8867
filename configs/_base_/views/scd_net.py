# SCD-Net: two views, cut as ISC's, each of the other steps in half of the clips.
_base_ = 'isc.py'
_steps = [
    dict(type='MainAxisRotation', max_angle=30, max_other_angle=1),
    dict(type='LeftRightFlip'),
    dict(type='Shear'),
    dict(type='NeighborMask', num_drawn=5, num_joints=8),
    dict(type='TemporalMask', num_blocks=6, block_length=4),
]
_view = [
    _base_.data_preprocessor.train_pipeline[0].transforms[0],
    *(dict(type='RandomApply', transforms=[step]) for step in _steps),
]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)])
