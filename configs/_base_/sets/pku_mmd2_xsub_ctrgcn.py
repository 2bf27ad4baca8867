# MAMP's program moves nothing in PKU-MMD; here clips are moved like those of NTU RGB+D, so that encoders transfer.
_base_ = ['pku_mmd2_xsub.py', 'ctrgcn_normalization.py']
train_dataloader = dict(dataset=dict(normalize=_base_.normalize))
val_dataloader = dict(dataset=dict(normalize=_base_.normalize))
test_dataloader = val_dataloader
