# CrosSCLR-B of the papers of CMD and I²MD: CMD's encoder and queue.
_base_ = 'crossclr_stgcn.py'
model = dict(
    backbone=dict(_delete_=True, type='BiGRU', hidden_channels=1024),
    queue_size=16384,
)
