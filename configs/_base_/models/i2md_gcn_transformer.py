_base_ = 'cmd_bigru.py'
model = dict(
    type='I2MD',
    backbone=dict(_delete_=True, type='GCNTransformer'),
    num_aggregated=64,
    distill_weight=0.5,
)
