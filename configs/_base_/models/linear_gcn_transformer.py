_base_ = 'linear_bigru.py'
model = dict(backbone=dict(_delete_=True, type='GCNTransformer', layout='ntu25', num_persons=2))
