# The views of mamp.py for small sets of short clips: 64 frames.
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[
        dict(type='TemporalCropResize', num_frames=64, ratio=(0.5, 1.0), min_frames=1),
        dict(type='RandomRotation'),
    ],
    test_pipeline=[dict(type='CenterCropResize', num_frames=64, ratio=0.95)],
)
