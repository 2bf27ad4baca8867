_base_ = ['pku_mmd2_xsub.py', 'crossclr_normalization.py']
train_dataloader = dict(dataset=dict(normalize=_base_.normalize))
val_dataloader = dict(dataset=dict(normalize=_base_.normalize))
test_dataloader = val_dataloader
