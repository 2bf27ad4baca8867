# The official program has a batch of 64 and 451 epochs, divided by 10 at 351:
# --cfg-options train_dataloader.batch_size=64 auto_scale_lr.base_batch_size=64 train_cfg.max_epochs=451
#     param_scheduler.0.milestones=[351]
_base_ = [
    '../_base_/models/cmd_bigru.py',
    '../_base_/sets/ntu60_xview.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_500e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=256)
