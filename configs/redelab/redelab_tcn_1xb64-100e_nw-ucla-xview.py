_base_ = ['../_base_/runs/redelab_tcn.py', '../_base_/sets/nw_ucla_xview.py']
model = dict(layout='kinect20', num_persons=1, rounds=[60, 80], num_clusters=200, queue_size=1020)
train_cfg = dict(max_epochs=100)
train_dataloader = dict(batch_size=64)
