# The whole clip in 120 frames, without augmentation, as in STARS.
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='CenterCropResize', num_frames=120, ratio=1.0)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=120, ratio=0.95)],
)
