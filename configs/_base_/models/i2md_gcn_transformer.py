_base_ = 'cmd_bigru.py'
model = dict(
    type='I2MD',
    backbone=dict(_delete_=True, type='GCNTransformer', layout='ntu25', num_persons=2),
    num_aggregated=64,
    distill_weight=0.5,
)
