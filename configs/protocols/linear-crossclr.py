# Linear evaluation as in CrosSCLR: batch 128, learning rate 3, divided by 10 at epoch 80, no augmentation.
_base_ = '_base_/classifier.py'
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=3.0, momentum=0.9, weight_decay=0))
param_scheduler = [dict(type='MultiStepLR', milestones=[80], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=10)
auto_scale_lr = dict(base_batch_size=128)
train_dataloader = dict(batch_size=128)
protocol = dict(type='TrainedClassifier', crop_ratio=None)
