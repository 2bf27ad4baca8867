# CrosSCLR's views in 64 frames, as in SkeleMixCLR.
_base_ = 'crossclr.py'
_resize = dict(type='CenterCropResize', num_frames=64, ratio=1.0)
_steps = _base_.data_preprocessor.train_pipeline[0].transforms[1:]
data_preprocessor = dict(
    train_pipeline=[dict(type='MultiView', transforms=[_resize, *_steps], num_views=2)], test_pipeline=[_resize]
)
