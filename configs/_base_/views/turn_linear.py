# Crops of the downstream protocols at the length of turn.py.
train_pipeline = [dict(type='TemporalCropResize', num_frames=32, ratio=(0.5, 1.0), min_frames=1)]
test_pipeline = [dict(type='CenterCropResize', num_frames=32, ratio=0.95)]
