_base_ = ['pretrain.py', '../sets/ntu60_xsub.py', '../views/crossclr.py']

_train = dict(_base_.train_set, normalize=_base_.normalize, pipeline=_base_.train_pipeline)
_gallery = dict(_base_.train_set, normalize=_base_.normalize, pipeline=_base_.test_pipeline)
_test = dict(_base_.test_set, normalize=_base_.normalize, pipeline=_base_.test_pipeline)
train_dataloader = dict(dataset=_train)
val_dataloader = dict(dataset=_test)
test_dataloader = dict(dataset=_test)
val_cfg = dict(gallery_dataloader=dict(dataset=_gallery))
test_cfg = dict(gallery_dataloader=dict(dataset=_gallery))
