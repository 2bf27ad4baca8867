_layers = dict(num_heads=8, layer_scale=1e-4, norm_eps=1e-6)
model = dict(
    type='Skeleton2vec',
    backbone=dict(
        type='SkeletonTransformer',
        num_frames=120,
        segment_length=4,
        width=256,
        num_layers=8,
        drop_path=0.2,
        **_layers,
    ),
    decoder=dict(type='TokenDecoder', width=256, num_layers=4, **_layers),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    mask_ratio=0.9,
    mask_temperature=0.8,
    tube_length=5,
    num_target_layers=8,
    momentum=dict(start=0.9998, end=0.99999, steps=20000),
    init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02),
)
