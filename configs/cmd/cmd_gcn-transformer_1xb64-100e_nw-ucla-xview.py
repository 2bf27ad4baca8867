# The encoder of I²MD's run on this set, so that the methods compare.
_base_ = 'cmd_bigru128_1xb64-100e_nw-ucla-xview.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='GCNTransformer',
        layout='kinect20',
        num_persons=1,
        gcn_channels=16,
        width=128,
        num_layers=2,
        num_heads=4,
        ffn_channels=256,
    ),
)
# SGD trains a small Transformer slowly.
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=0.001))
