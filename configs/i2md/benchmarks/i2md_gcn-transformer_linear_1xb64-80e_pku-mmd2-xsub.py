_base_ = [
    '../../_base_/models/linear_gcn_transformer.py',
    '../../_base_/datasets/pku_mmd2_xsub_isc_linear.py',
    '../../_base_/schedules/linear_sgd_80e.py',
    '../../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=51))
