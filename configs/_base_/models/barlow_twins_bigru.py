# The projector is three layers with batch normalization, as wide as the embedding; the paper's has 8192.
model = dict(
    type='BarlowTwins',
    backbone=dict(type='BiGRU', hidden_channels=1024),
    neck=dict(type='ProjectionNeck', num_layers=3, hidden_channels=2048, batch_norm=True),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    feat_dim=2048,
    redundancy_weight=0.0051,
)
