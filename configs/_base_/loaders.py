# Data comes from sets/, views from views/. Workers gather clips; views are made on the model's device.
_loader = dict(
    sampler=dict(type='ClipSampler', shuffle=False),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    worker_init_fn=dict(type='mmskelssl.leave_signals_to_parent'),
    dataset=dict(type='SkeletonDataset'),
)
train_dataloader = dict(
    _loader, batch_size=64, num_workers=2, persistent_workers=True, sampler=dict(type='ClipSampler', shuffle=True)
)
val_dataloader = dict(_loader, batch_size=256, num_workers=1)
test_dataloader = val_dataloader
