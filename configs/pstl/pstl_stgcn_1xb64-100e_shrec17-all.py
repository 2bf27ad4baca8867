_base_ = ['../_base_/runs/pstl_stgcn.py', '../_base_/sets/shrec17.py']
model = dict(layout='hand22', num_persons=1, mask_joints=7)
