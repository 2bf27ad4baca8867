# The views of turn.py, three of them: what MMCV takes.
_base_ = 'turn.py'
train_pipeline = [dict(_base_.train_pipeline[0], num_views=3)]
