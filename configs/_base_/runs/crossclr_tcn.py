# CrosSCLR with the encoder, views and schedule of redelab_tcn.py: everything but the set.
_base_ = [
    '../models/crossclr_bigru.py',
    '../models/small_tcn.py',
    '../views/warp_2views.py',
    '../schedules/adamw_cosine.py',
    '../default_runtime.py',
]
model = dict(
    backbone=dict(_delete_=True, **_base_.encoder),
    queue_size=1024,
    momentum=0.996,
    cross_epoch=50,
)
