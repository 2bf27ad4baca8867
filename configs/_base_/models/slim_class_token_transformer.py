_prototypes = dict(
    type='PrototypeNeck', out_channels=65536, num_layers=3, hidden_channels=2048, bottleneck_channels=256
)
model = dict(
    type='SLiM',
    backbone=dict(
        type='ClassTokenTransformer',
        num_frames=64,
        segment_length=8,
        width=256,
        num_layers=8,
        num_heads=8,
        num_registers=4,
        absent_persons='skip',
    ),
    neck=dict(clip=_prototypes, token=_prototypes),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    num_views=10,
    mask_ratio=(0.5, 0.9),
    mask_probability=0.5,
    teacher_temperature=0.07,
    warmup_temperature=0.04,
    warmup_epochs=718,
    student_temperature=0.1,
    koleo_weight=0.1,
    momentum=dict(start=0.994, end=1.0, curve='cosine'),
    init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02),
)
