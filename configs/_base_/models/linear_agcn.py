_base_ = 'linear_bigru.py'
model = dict(backbone=dict(_delete_=True, type='AGCN', layout='ntu25', num_persons=2, base_channels=64))
