# One view as in MAMP and its kin: at least half of the clip in 120 frames, turned by up to 0.3 rad about three axes.
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[
        dict(type='TemporalCropResize', num_frames=120, ratio=(0.5, 1.0), min_frames=64),
        dict(type='RandomRotation'),
    ],
    test_pipeline=[dict(type='CenterCropResize', num_frames=120, ratio=0.95)],
)
