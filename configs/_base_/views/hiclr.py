# HiCLR: two views as AimCLR's extreme one (normal, masked), then the two of CrosSCLR (query, key).
_base_ = 'aimclr.py'
data_preprocessor = dict(train_pipeline=[dict(_base_.data_preprocessor.train_pipeline[0], num_views=[2, 2])])
