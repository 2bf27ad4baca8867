# The views of turn.py, three of them: what MMCV takes.
_base_ = 'turn.py'
data_preprocessor = dict(train_pipeline=[dict(_base_.data_preprocessor.train_pipeline[0], num_views=3)])
