_neck = dict(type='ProjectionNeck')
model = dict(
    type='SCDNet',
    backbone=dict(type='DecoupledEncoder', num_frames=64, gcn_channels=64, width=2048, num_heads=8),
    neck=dict(
        temporal=dict(_neck, pooling='temporal'),
        spatial=dict(_neck, pooling='spatial'),
        instance=dict(_neck, hidden_channels=2048),
    ),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    queue_size=8192,
    feat_dim=128,
    temperature=0.2,
    momentum=0.999,
    init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'),
)
