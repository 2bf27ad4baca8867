# The projector is as wide as the embedding, 6,144, as in the official program.
model = dict(
    type='PSTL',
    backbone=dict(type='STGCN', base_channels=16, out_channels=256, dropout=0.5),
    neck=dict(type='ProjectionNeck', num_layers=3, hidden_channels=6144, batch_norm=True),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    feat_dim=6144,
    mask_frames=10,
    mask_joints=8,
    redundancy_weight=2e-4,
)
