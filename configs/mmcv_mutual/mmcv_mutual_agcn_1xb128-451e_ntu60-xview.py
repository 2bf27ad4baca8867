_base_ = [
    '../_base_/models/mmcv_mutual_agcn.py',
    '../_base_/sets/ntu60_xview.py',
    '../_base_/views/mmcv.py',
    '../_base_/schedules/sgd_451e_mmcv.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
