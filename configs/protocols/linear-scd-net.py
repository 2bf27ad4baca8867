# Linear evaluation as in the official program of SCD-Net: batch 1,024, learning rate 2, divided by 10 at epochs 50 and
# 70, no augmentation.
_base_ = 'linear-crossclr.py'
optim_wrapper = dict(optimizer=dict(lr=2.0))
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1)]
train_cfg = dict(max_epochs=80)
auto_scale_lr = dict(base_batch_size=1024)
train_dataloader = dict(batch_size=1024)
