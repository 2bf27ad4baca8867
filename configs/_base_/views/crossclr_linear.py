# CrosSCLR's linear evaluation does not augment.
_base_ = 'crossclr.py'
train_pipeline = _base_.test_pipeline
