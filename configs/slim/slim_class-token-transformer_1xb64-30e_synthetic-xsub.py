_base_ = ['../_base_/runs/slim_small.py', '../_base_/sets/synthetic_xsub.py']
train_cfg = dict(max_epochs=30)
