# Loaders of self-supervised pre-training with a KNN monitor. The data set itself comes from sets/.

# The augmentation of ISC, CMD, I²MD and MMCV.
view = [
    dict(type='TemporalCropResize', num_frames=64, ratio=(0.1, 1.0), min_frames=64),
    dict(type='RandomChoice', transforms=[[dict(type='Shear')], [dict(type='JointCorruption', num_joints=15)]]),
]
test_pipeline = [dict(type='CenterCropResize', num_frames=64, ratio=0.95)]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ClipSampler', shuffle=True),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    dataset=dict(type='SkeletonDataset', pipeline=[dict(type='MultiView', transforms=view, num_views=2)]),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    sampler=dict(type='ClipSampler', shuffle=False),
    collate_fn=dict(type='mmskelssl.batch_collate'),
    dataset=dict(type='SkeletonDataset', pipeline=test_pipeline),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='KNN', k=1)
test_evaluator = val_evaluator
val_cfg = dict(type='GalleryValLoop', gallery_dataloader=val_dataloader)
test_cfg = dict(type='GalleryTestLoop', gallery_dataloader=val_dataloader)
