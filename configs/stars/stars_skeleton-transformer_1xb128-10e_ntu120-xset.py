_base_ = [
    '../_base_/models/stars_skeleton_transformer.py',
    '../_base_/sets/ntu120_xset_ctrgcn.py',
    '../_base_/views/whole.py',
    '../_base_/schedules/adamw_10e_stars.py',
    '../_base_/default_runtime.py',
]
model = dict(pretrained='work_dirs/mamp_skeleton-transformer_1xb128-400e_ntu120-xset/epoch_400.pth')
optim_wrapper = dict(paramwise_cfg=dict(layer_decay=0.4))
train_dataloader = dict(batch_size=128)
