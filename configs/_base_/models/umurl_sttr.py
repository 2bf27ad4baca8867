_projector = dict(type='ProjectionNeck', num_layers=3, batch_norm=True, bias=True)
model = dict(
    type='UmURL',
    streams=dict(fused=dict(modality='joint')),  # coordinates: the backbone derives what it fuses
    backbone=dict(
        type='UnifiedSTTR',
        modalities=['joint', 'bone', 'motion'],
        num_frames=64,
        width=1024,
        num_layers=1,
        num_heads=1,
    ),
    neck=dict(joint=_projector, bone=_projector, motion=_projector),
    layout='ntu25',
    num_persons=2,
    feat_dim=4096,
    invariance_weight=5.0,
    variance_weight=5.0,
)
