_base_ = [
    '../../_base_/models/linear_stgcn.py',
    '../../_base_/datasets/ntu60_xsub_crossclr_linear.py',
    '../../_base_/schedules/linear_sgd_100e_crossclr.py',
    '../../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
