model = dict(
    type='MAMP',
    backbone=dict(type='SkeletonTransformer', num_frames=120, segment_length=4, width=256, num_layers=8, num_heads=8),
    decoder=dict(type='TokenDecoder', width=256, num_layers=5, num_heads=8),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    mask_ratio=0.9,
    mask_temperature=0.8,
    target='motion',
    motion_stride=1,
    normalize='segment',
)
