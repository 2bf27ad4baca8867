_base_ = ['../_base_/runs/stars_small.py', '../_base_/sets/shrec17.py']
model = dict(
    layout='hand22',
    num_persons=1,
    pretrained='work_dirs/mamp_skeleton-transformer_1xb64-100e_shrec17-all/epoch_100.pth',
)
