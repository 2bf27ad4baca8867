# The views of turn.py, four of them: what UmURL and USDRL take.
_base_ = 'turn.py'
data_preprocessor = dict(train_pipeline=[dict(_base_.data_preprocessor.train_pipeline[0], num_views=4)])
