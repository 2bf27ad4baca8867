# CrosSCLR's linear evaluation augments as its pre-training does.
_view = [
    dict(type='CenterCropResize', num_frames=50, ratio=1.0),
    dict(type='TemporalShift', padding_ratio=6),
    dict(type='Shear', amplitude=0.5),
]
train_pipeline = _view
test_pipeline = [dict(type='CenterCropResize', num_frames=50, ratio=1.0)]
