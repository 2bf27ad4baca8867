# Linear evaluation as in the official program of PCM³: batch 1,024, learning rate 0.1, divided by 10 at epochs 20, 50
# and 80.
_base_ = '_base_/classifier.py'
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0))
param_scheduler = [dict(type='MultiStepLR', milestones=[20, 50, 80], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=1024)
train_dataloader = dict(batch_size=1024)
protocol = dict(type='TrainedClassifier', crop_ratio=(0.5, 1.0))
