_base_ = [
    '../_base_/models/i2md_gcn_transformer.py',
    '../_base_/sets/ntu120_xset.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_500e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=256)
