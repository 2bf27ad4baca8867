_base_ = 'skeletonclr_stgcn.py'
model = dict(
    type='SkeleMixCLR',
    backbone=dict(partition='directed'),
    neck=dict(batch_norm=True, bias=True),
    temperature=0.2,
    num_mixes=3,
    mix_parts=(2, 3),
    mix_blocks=(7, 11),
    mix_weight=0.5,
)
