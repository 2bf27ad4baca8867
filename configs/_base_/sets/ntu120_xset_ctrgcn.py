_base_ = ['ntu120_xset.py', 'ctrgcn_normalization.py']
train_dataloader = dict(dataset=dict(store='data/ntu120_ctrgcn', normalize=_base_.normalize))
val_dataloader = dict(dataset=dict(store='data/ntu120_ctrgcn', normalize=_base_.normalize))
test_dataloader = val_dataloader
