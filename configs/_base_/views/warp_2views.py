# Two of the augmented views of warp.py, without the whole clip.
_base_ = 'warp.py'
_view = _base_.data_preprocessor.train_pipeline[0].transforms[0]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)])
