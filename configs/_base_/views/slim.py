# SLiM's ten views of one person: two of 64 frames, and within each of them one of 32, two of 16 and one of 8.
_shape = [
    dict(type='RandomApply', transforms=[dict(type='LeftRightFlip', axis=0)]),
    dict(type='RandomApply', transforms=[dict(type='LimbScale')]),
    dict(type='RandomApply', transforms=[dict(type='RandomRotation')]),
]
_strong = [
    dict(type='RandomApply', transforms=[dict(type='GaussianNoise', std=0.05)], prob=0.1),
    dict(type='RandomApply', transforms=[dict(type='AxisMask')], prob=0.2),
]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[
        dict(
            type='NestedCrops',
            num_frames=64,
            ratio=(0.5, 1.0),
            crops=[
                dict(num_frames=32, ratio=(0.35, 0.7)),
                dict(num_frames=16, ratio=(0.15, 0.4)),
                dict(num_frames=16, ratio=(0.15, 0.4)),
                dict(num_frames=8, ratio=(0.05, 0.2)),
            ],
            long=[[*_shape, dict(type='GaussianNoise', std=0.01)], [*_shape, *_strong]],
            short=[*_shape, dict(type='RandomApply', transforms=[dict(type='GaussianNoise', std=0.01)])],
        ),
    ],
    test_pipeline=[dict(type='CenterCropResize', num_frames=64, ratio=0.95)],
)
