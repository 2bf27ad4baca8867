# Linear evaluation as in the official program of PSTL: batch 128, Adam, learning rate 0.01 on a cosine by epoch, no
# augmentation.
_base_ = '_base_/classifier.py'
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.01))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=150)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=150, val_interval=10)
auto_scale_lr = dict(base_batch_size=128)
train_dataloader = dict(batch_size=128)
protocol = dict(type='TrainedClassifier', crop_ratio=None)
