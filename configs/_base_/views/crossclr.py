# CrosSCLR's normalization, in the place of the set's own: 50 frames, every person's centre and shoulders in one place.
normalize = [
    dict(type='CenterPersons'),
    dict(type='ResizeClips', num_frames=50),
    dict(type='AlignShoulders', each_frame=True),
]
# Two views: the whole clip, shifted in time and sheared.
_view = [
    dict(type='CenterCropResize', num_frames=50, ratio=1.0),
    dict(type='TemporalShift', padding_ratio=6),
    dict(type='Shear', amplitude=0.5),
]
train_pipeline = [dict(type='MultiView', transforms=_view, num_views=2)]
test_pipeline = [dict(type='CenterCropResize', num_frames=50, ratio=1.0)]
