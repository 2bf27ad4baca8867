_base_ = ['../_base_/runs/usdrl_dste.py', '../_base_/sets/shrec17.py']
model = dict(layout='hand22', num_persons=1)
