model = dict(
    type='SkeletonCLR',
    backbone=dict(type='BiGRU', hidden_channels=1024),
    neck=dict(type='ProjectionNeck'),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    queue_size=16384,
    feat_dim=128,
    temperature=0.07,
    momentum=0.999,
)
