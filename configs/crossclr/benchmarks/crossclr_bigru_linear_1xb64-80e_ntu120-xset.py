# CrosSCLR-B, evaluated as CMD is.
_base_ = [
    '../../_base_/models/linear_bigru.py',
    '../../_base_/datasets/ntu120_xset_isc_linear.py',
    '../../_base_/schedules/linear_sgd_80e.py',
    '../../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=120))
