_base_ = [
    '../../_base_/models/linear_agcn.py',
    '../../_base_/datasets/ntu60_xsub_isc_linear.py',
    '../../_base_/schedules/linear_sgd_100e_mmcv.py',
    '../../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
