_base_ = [
    '../../_base_/models/linear_stgcn.py',
    '../../_base_/datasets/ntu120_xset_crossclr_linear.py',
    '../../_base_/schedules/linear_sgd_100e_crossclr.py',
    '../../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
model = dict(head=dict(num_classes=120))
