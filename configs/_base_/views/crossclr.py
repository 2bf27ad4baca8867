# Two views as in CrosSCLR: the whole clip, shifted in time and sheared. Goes with the sets of its normalization.
_view = [
    dict(type='CenterCropResize', num_frames=50, ratio=1.0),
    dict(type='TemporalShift', padding_ratio=6),
    dict(type='Shear', amplitude=0.5),
]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=50, ratio=1.0)],
)
