# Linear evaluation as in MAMP: batch normalization before the classifier, batch 256, learning rate 0.1 on a cosine.
_base_ = '_base_/classifier.py'
model = dict(head=dict(type='LinearHead', norm=True))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=100, convert_to_iter_based=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=256)
train_dataloader = dict(batch_size=256)
protocol = dict(type='TrainedClassifier', crop_ratio=(0.5, 1.0), augmentations=[dict(type='RandomRotation')])
