_base_ = ['../models/redelab_tcn.py', 'common.py']
model = dict(backbone=_base_.tcn, modalities=['joint'])
_views = [_base_.data_preprocessor.train_pipeline[0].transforms, _base_.data_preprocessor.test_pipeline]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_views, num_views=[2, 1])])
