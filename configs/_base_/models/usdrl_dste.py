_projector = dict(type='ProjectionNeck', num_layers=3, batch_norm=True, bias=True, hidden_channels=2048)
model = dict(
    type='USDRL',
    backbone=dict(type='DSTE', num_frames=64, width=1024, num_layers=2, num_heads=1),
    neck=dict(
        temporal=dict(_projector, pooling='temporal'),
        spatial=dict(_projector, pooling='spatial'),
        instance=dict(_projector, out_channels=4096),
    ),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    feat_dim=2048,
    level_weights=dict(temporal=0.5, spatial=0.5, instance=1.0),
    invariance_weight=5.0,
    variance_weight=5.0,
    correlation_weight=1e-3,
    redundancy_weight=5e-3,
    init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02, bias=0.0),
)
