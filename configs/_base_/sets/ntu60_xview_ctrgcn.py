_base_ = ['ntu60_xview.py', 'ctrgcn_normalization.py']
train_dataloader = dict(dataset=dict(store='data/ntu60_ctrgcn', normalize=_base_.normalize))
val_dataloader = dict(dataset=dict(store='data/ntu60_ctrgcn', normalize=_base_.normalize))
test_dataloader = val_dataloader
