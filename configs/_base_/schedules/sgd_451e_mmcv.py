# MMCV: batch 128, 0.02, divided by 10 at 351.
_base_ = 'sgd_451e_cmd.py'
optim_wrapper = dict(optimizer=dict(lr=0.02))
auto_scale_lr = dict(base_batch_size=128)
