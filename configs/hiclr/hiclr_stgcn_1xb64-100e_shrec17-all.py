_base_ = ['../_base_/runs/hiclr_stgcn.py', '../_base_/sets/shrec17.py']
model = dict(layout='hand22', num_persons=1, queue_size=1024)
