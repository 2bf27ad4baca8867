# 0.57 M parameters in the encoder, at 20 joints of one person.
model = dict(
    type='ReDeLab',
    backbone=dict(type='TCN', channels=(128, 128, 256)),
    neck=dict(type='ProjectionNeck', batch_norm=True),
    decoder=dict(type='ProjectionNeck', batch_norm=True),
    modalities=['fused'],
    layout='ntu25',
    num_persons=2,
    feat_dim=256,
)
