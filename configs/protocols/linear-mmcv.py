# Linear evaluation as in MMCV: batch 128, learning rate 0.01, divided by 10 at epochs 30, 50 and 80.
_base_ = '_base_/classifier.py'
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0))
param_scheduler = [dict(type='MultiStepLR', milestones=[30, 50, 80], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=128)
train_dataloader = dict(batch_size=128)
protocol = dict(type='TrainedClassifier', crop_ratio=(0.5, 1.0))
