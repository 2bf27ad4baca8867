# The recipe is that of the official program.
_base_ = [
    '../_base_/models/usdrl_dste.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/isc_4views.py',
    '../_base_/schedules/adam_1201e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=256)
