model = dict(
    type='SkeletonCLR',
    backbone=dict(type='BiGRU', num_joints=25, num_persons=2, hidden_channels=1024),
    neck=dict(type='ProjectionNeck'),
    modalities=['joint'],
    layout='ntu25',
    queue_size=16384,
    feat_dim=128,
    temperature=0.07,
    momentum=0.999,
)
custom_hooks = [
    dict(type='SetupCheckHook'),
    dict(type='MomentumUpdateHook'),
    dict(type='QueueEnqueueHook'),
    dict(type='CollapseMonitorHook'),
]
