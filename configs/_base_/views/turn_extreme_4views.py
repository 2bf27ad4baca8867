# Two extreme views, then the two of turn.py (query, key): HiCLR at the size for small sets.
_base_ = 'turn_extreme.py'
data_preprocessor = dict(train_pipeline=[dict(_base_.data_preprocessor.train_pipeline[0], num_views=[2, 2])])
