_base_ = ['../_base_/runs/usdrl_dste.py', '../_base_/sets/synthetic_xsub.py']
train_cfg = dict(max_epochs=30)
