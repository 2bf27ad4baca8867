# CrosSCLR's linear evaluation does not augment.
train_pipeline = [dict(type='CenterCropResize', num_frames=50, ratio=1.0)]
test_pipeline = train_pipeline
