_base_ = ['../_base_/runs/stars_small.py', '../_base_/sets/synthetic_xsub.py']
model = dict(
    backbone=dict(absent_persons='skip'),
    queue_size=512,
    pretrained='work_dirs/mamp_skeleton-transformer_1xb64-30e_synthetic-xsub/epoch_30.pth',
)
