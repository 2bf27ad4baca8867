# The recipe of NTU RGB+D: that of the paper for PKU-MMD II was not read.
_base_ = [
    '../_base_/models/hiclr_stgcn.py',
    '../_base_/sets/pku_mmd2_xsub_crossclr.py',
    '../_base_/views/hiclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
