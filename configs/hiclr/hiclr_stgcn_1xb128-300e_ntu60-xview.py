# The recipe of the official program for NTU-60 x-sub, without dropped and added edges.
_base_ = [
    '../_base_/models/hiclr_stgcn.py',
    '../_base_/sets/ntu60_xview_crossclr.py',
    '../_base_/views/hiclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
