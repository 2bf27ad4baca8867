# Two views for small sets of short clips: at least half of the clip in 32 frames, turned about the vertical and mildly
# sheared. The papers' views, at this size, learn less.
_view = [
    dict(type='TemporalCropResize', num_frames=32, ratio=(0.5, 1.0), min_frames=1),
    dict(type='RandomTurn', max_angle=90),
    dict(type='Shear', amplitude=0.3),
]
data_preprocessor = dict(
    type='SkeletonDataPreprocessor',
    train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=32, ratio=0.95)],
)
