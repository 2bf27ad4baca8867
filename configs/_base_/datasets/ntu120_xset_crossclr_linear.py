_base_ = ['linear.py', '../sets/ntu120_xset.py', '../views/crossclr_linear.py']

_test = dict(_base_.test_set, normalize=_base_.normalize, pipeline=_base_.test_pipeline)
train_dataloader = dict(dataset=dict(_base_.train_set, normalize=_base_.normalize, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=_test)
test_dataloader = dict(dataset=_test)
