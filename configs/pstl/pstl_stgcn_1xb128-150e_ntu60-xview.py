# The recipe of the official program.
_base_ = [
    '../_base_/models/pstl_stgcn.py',
    '../_base_/sets/ntu60_xview_crossclr.py',
    '../_base_/views/pstl.py',
    '../_base_/schedules/adam_150e_pstl.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
