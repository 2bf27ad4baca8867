_base_ = 'sgd_cosine_100e.py'
train_cfg = dict(max_epochs=30)
