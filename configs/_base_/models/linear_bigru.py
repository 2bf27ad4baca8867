# Linear evaluation: --cfg-options model.pretrained=CHECKPOINT
model = dict(
    type='SkeletonClassifier',
    backbone=dict(type='BiGRU', num_joints=25, num_persons=2, hidden_channels=1024),
    head=dict(type='LinearHead', num_classes=60),
    modality='joint',
    layout='ntu25',
    pretrained=None,
    frozen=True,
)
custom_hooks = [
    dict(type='SetupCheckHook'),
    dict(type='FrozenBackboneHook'),
    dict(type='ClassificationReportHook'),
]
