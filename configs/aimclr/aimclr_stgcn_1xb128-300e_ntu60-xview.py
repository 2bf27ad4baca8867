# The recipe of the official program, whose extreme view has five of the augmentations.
_base_ = [
    '../_base_/models/aimclr_stgcn.py',
    '../_base_/sets/ntu60_xview_crossclr.py',
    '../_base_/views/aimclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
