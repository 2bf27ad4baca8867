# The official program has a batch of 64 and 1,001 epochs, divided by 10 at 801:
# --cfg-options train_dataloader.batch_size=64 auto_scale_lr.base_batch_size=64 train_cfg.max_epochs=1001
#     param_scheduler.0.milestones=[801]
_base_ = [
    '../_base_/models/cmd_bigru.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_1000e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=256)
