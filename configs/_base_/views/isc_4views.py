# UmURL and USDRL: four of ISC's views to learn from; whole clips to test on.
_base_ = 'isc.py'
data_preprocessor = dict(
    train_pipeline=[dict(_base_.data_preprocessor.train_pipeline[0], num_views=4)],
    test_pipeline=[dict(type='CenterCropResize', num_frames=64, ratio=1.0)],
)
