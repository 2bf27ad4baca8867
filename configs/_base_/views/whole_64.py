# The views of whole.py for small sets of short clips: 64 frames.
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='CenterCropResize', num_frames=64, ratio=1.0)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=64, ratio=0.95)],
)
