_base_ = ['linear.py', 'sets/nw_ucla_xview.py']

train_dataloader = dict(dataset=_base_.train_set)
val_dataloader = dict(dataset=_base_.test_set)
test_dataloader = dict(dataset=_base_.test_set)
