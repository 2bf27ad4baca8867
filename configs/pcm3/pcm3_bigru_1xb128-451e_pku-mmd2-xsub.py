# The recipe that the official program has for NTU RGB+D 60.
_base_ = [
    '../_base_/models/pcm3_bigru.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/pcm3.py',
    '../_base_/schedules/sgd_451e_mmcv.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
