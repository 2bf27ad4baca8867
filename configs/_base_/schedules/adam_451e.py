# The official programs of UmURL (batch 512) and USDRL: divided by 10 at 351. They train in fp16: tools/train.py --amp.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, weight_decay=1e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=451, val_interval=10)
auto_scale_lr = dict(base_batch_size=512)
