# The single-view baseline of CrosSCLR at its recipe.
_base_ = [
    '../_base_/models/skeletonclr_stgcn.py',
    '../_base_/sets/ntu60_xview_crossclr.py',
    '../_base_/views/crossclr.py',
    '../_base_/schedules/sgd_300e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
