# Crops of the downstream protocols of ISC, CMD and I²MD.
train_pipeline = [dict(type='TemporalCropResize', num_frames=64, ratio=(0.5, 1.0), min_frames=64)]
test_pipeline = [dict(type='CenterCropResize', num_frames=64, ratio=0.95)]
