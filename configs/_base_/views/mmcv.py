# Three views as in MMCV (query, key, second key): those of ISC, with a turn in the place of the shear.
_view = [
    dict(type='TemporalCropResize', num_frames=64, ratio=(0.1, 1.0), min_frames=64),
    dict(
        type='RandomChoice',
        transforms=[[dict(type='Shear', orthogonalize=True)], [dict(type='JointCorruption', num_joints=15)]],
    ),
]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=_view, num_views=3)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=64, ratio=0.95)],
)
