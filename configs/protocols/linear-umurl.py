# Linear evaluation as in the official program of UmURL: batch 512, learning rate 0.03, divided by 10 at epochs 120 and
# 140, no augmentation.
_base_ = '_base_/classifier.py'
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.03, momentum=0.9, weight_decay=0))
param_scheduler = [dict(type='MultiStepLR', milestones=[120, 140], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=150, val_interval=10)
auto_scale_lr = dict(base_batch_size=512)
train_dataloader = dict(batch_size=512)
protocol = dict(type='TrainedClassifier', crop_ratio=None)
