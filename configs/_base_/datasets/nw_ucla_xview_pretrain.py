_base_ = ['pretrain.py', 'sets/nw_ucla_xview.py']

train_dataloader = dict(dataset=_base_.train_set)
val_dataloader = dict(dataset=_base_.test_set)
test_dataloader = dict(dataset=_base_.test_set)
val_cfg = dict(gallery_dataloader=dict(dataset=_base_.train_set))
test_cfg = dict(gallery_dataloader=dict(dataset=_base_.train_set))
