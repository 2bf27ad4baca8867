_base_ = ['pretrain.py', '../sets/pku_mmd2_xsub.py', '../views/isc.py']

_train = dict(_base_.train_set, pipeline=_base_.train_pipeline)
_gallery = dict(_base_.train_set, pipeline=_base_.test_pipeline)
_test = dict(_base_.test_set, pipeline=_base_.test_pipeline)
train_dataloader = dict(dataset=_train)
val_dataloader = dict(dataset=_test)
test_dataloader = dict(dataset=_test)
val_cfg = dict(gallery_dataloader=dict(dataset=_gallery))
test_cfg = dict(gallery_dataloader=dict(dataset=_gallery))
