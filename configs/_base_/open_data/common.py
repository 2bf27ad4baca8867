# What all methods of the open benchmark share: encoder, views, schedule. The benchmark adds set, seed and length.
_base_ = ['../views/warp.py', '../schedules/adamw_cosine.py', '../default_runtime.py']
tcn = dict(_delete_=True, type='TCN', channels=(128, 128, 256))
_view, _whole = _base_.data_preprocessor.train_pipeline[0].transforms
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)])
