# 3s-CrosSCLR. Its paper has no recipe for PKU-MMD II: this is the one of NTU RGB+D.
_base_ = [
    '../_base_/models/crossclr_stgcn.py',
    '../_base_/sets/pku_mmd2_xsub_crossclr.py',
    '../_base_/views/crossclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
