# Two views for small sets, and the whole clip as it is: most of the clip in a time that passes unevenly, turned about
# all axes, mildly sheared, with some noise. The unit is the mean length of a bone.
_scale = dict(type='ScaleBones')
_view = [
    _scale,
    dict(type='TemporalCropResize', num_frames=32, ratio=(0.6, 1.0), min_frames=1, warp=0.5),
    dict(type='RandomTurn', max_angle=30),
    dict(type='RandomRotation', max_angle=15),
    dict(type='Shear', amplitude=0.1),
    dict(type='GaussianNoise', std=0.02),
]
_whole = [_scale, dict(type='CenterCropResize', num_frames=32, ratio=1.0)]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=[_view, _whole], num_views=[2, 1])],
    test_pipeline=_whole,
)
