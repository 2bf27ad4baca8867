_base_ = ['../models/mmcv_mutual_bigru.py', 'common.py']
model = dict(backbone=_base_.tcn, momentum=0.996)
_view = _base_.data_preprocessor.train_pipeline[0].transforms
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=3)])
