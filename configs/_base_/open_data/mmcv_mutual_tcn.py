_base_ = ['../models/mmcv_mutual_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, num_neighbors=512, **_base_.bank)
_view = _base_.data_preprocessor.train_pipeline[0].transforms
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=3)])
