# Loaders of linear evaluation. The data set itself comes from sets/.

train_pipeline = [dict(type='TemporalCropResize', num_frames=64, ratio=(0.5, 1.0), min_frames=64)]
test_pipeline = [dict(type='CenterCropResize', num_frames=64, ratio=0.95)]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ClipSampler', shuffle=True),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    dataset=dict(type='SkeletonDataset', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    sampler=dict(type='ClipSampler', shuffle=False),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    dataset=dict(type='SkeletonDataset', pipeline=test_pipeline),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
