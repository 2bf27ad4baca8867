_base_ = ['../_base_/runs/hiclr_stgcn.py', '../_base_/sets/nw_ucla_xview.py']
model = dict(layout='kinect20', num_persons=1, queue_size=1024)
