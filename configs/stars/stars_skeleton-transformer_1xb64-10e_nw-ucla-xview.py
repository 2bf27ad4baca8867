_base_ = ['../_base_/runs/stars_small.py', '../_base_/sets/nw_ucla_xview.py']
model = dict(
    layout='kinect20',
    num_persons=1,
    pretrained='work_dirs/mamp_skeleton-transformer_1xb64-100e_nw-ucla-xview/epoch_100.pth',
)
