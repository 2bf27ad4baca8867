_base_ = ['linear.py', '../sets/pku_mmd2_xsub.py', '../views/isc_linear.py']

_test = dict(_base_.test_set, pipeline=_base_.test_pipeline)
train_dataloader = dict(dataset=dict(_base_.train_set, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=_test)
test_dataloader = dict(dataset=_test)
