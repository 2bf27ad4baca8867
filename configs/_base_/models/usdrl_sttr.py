_base_ = 'usdrl_dste.py'
model = dict(backbone=dict(type='STTR'))
