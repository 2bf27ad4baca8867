# What the methods of the open benchmark share. The benchmark adds set, seed and length.
_base_ = ['../views/warp.py', '../schedules/adamw_cosine.py', '../default_runtime.py']
tcn = dict(_delete_=True, type='TCN', channels=(128, 128, 256))
bank = dict(queue_size=1024, momentum=0.996)
_view, _whole = _base_.data_preprocessor.train_pipeline[0].transforms
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)])
