_base_ = [
    '../_base_/models/i2md_gcn_transformer.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_1000e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=256)
