# Data comes from sets/, views from views/.
train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='ClipSampler', shuffle=True),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    worker_init_fn=dict(type='mmskelssl.outlive_interruption'),
    dataset=dict(type='SkeletonDataset'),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=1,
    sampler=dict(type='ClipSampler', shuffle=False),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    worker_init_fn=dict(type='mmskelssl.outlive_interruption'),
    dataset=dict(type='SkeletonDataset'),
)
test_dataloader = val_dataloader
