_base_ = [
    '../_base_/models/amr_skeleton_transformer.py',
    '../_base_/sets/ntu120_xsub_ctrgcn.py',
    '../_base_/views/mamp.py',
    '../_base_/schedules/adamw_400e_mamp.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
