# CrosSCLR's encoder and queue.
_base_ = 'skeletonclr_bigru.py'
model = dict(
    backbone=dict(_delete_=True, type='STGCN', base_channels=16, out_channels=256, dropout=0.5),
    queue_size=32768,
)
