_base_ = ['../_base_/runs/hiclr_stgcn.py', '../_base_/sets/synthetic_xsub.py']
train_cfg = dict(max_epochs=30)
model = dict(num_persons=2, layout='ntu25', queue_size=1024, cross_epoch=15)
