# The recipe of NTU RGB+D: the paper has none for PKU-MMD II.
_base_ = [
    '../_base_/models/skelemixclr_stgcn.py',
    '../_base_/sets/pku_mmd2_xsub_crossclr.py',
    '../_base_/views/crossclr_64.py',
    '../_base_/schedules/sgd_300e_skelemixclr.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
