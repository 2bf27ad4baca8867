# I²MD with a small GCN-Transformer, in the views and schedule of redelab_tcn.py: everything but the set.
_base_ = [
    '../models/i2md_gcn_transformer.py',
    '../models/small_gcn_transformer64.py',
    '../views/warp_2views.py',
    '../schedules/adamw_cosine.py',
    '../default_runtime.py',
]
model = dict(
    backbone=dict(_delete_=True, **_base_.encoder),
    queue_size=1024,
    momentum=0.996,
    num_neighbors=512,
    num_aggregated=16,
)
optim_wrapper = dict(optimizer=dict(**_base_.optimizer))
