_base_ = 'linear_bigru.py'
model = dict(
    backbone=dict(_delete_=True, type='STGCN', layout='ntu25', base_channels=16, out_channels=256, dropout=0.5)
)
