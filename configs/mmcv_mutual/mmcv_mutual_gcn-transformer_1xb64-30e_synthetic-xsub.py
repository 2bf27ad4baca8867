# The encoder of I²MD's run on this set, so that the methods compare.
_base_ = 'mmcv_mutual_bigru64_1xb64-30e_synthetic-xsub.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='GCNTransformer',
        layout='ntu25',
        num_persons=2,
        gcn_channels=16,
        width=64,
        num_layers=2,
        num_heads=4,
        ffn_channels=128,
    ),
)
# SGD trains a small Transformer slowly.
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=0.001))
