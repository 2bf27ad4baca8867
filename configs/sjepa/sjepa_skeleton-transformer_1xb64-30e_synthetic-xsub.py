_base_ = ['../_base_/runs/sjepa_small.py', '../_base_/sets/synthetic_xsub.py']
model = dict(backbone=dict(absent_persons='skip'))
train_cfg = dict(max_epochs=30)
