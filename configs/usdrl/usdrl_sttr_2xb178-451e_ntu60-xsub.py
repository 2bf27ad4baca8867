# The recipe is that of the official program.
_base_ = [
    '../_base_/models/usdrl_sttr.py',
    '../_base_/sets/ntu60_xsub.py',
    '../_base_/views/isc_4views.py',
    '../_base_/schedules/adam_451e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=178)
auto_scale_lr = dict(base_batch_size=356)
