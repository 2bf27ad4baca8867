# Sized for 2 CPU cores. The cluster branch needs the Transformer: a small one, not the BiGRU of the other methods here.
_base_ = [
    '../_base_/models/i2md_gcn_transformer.py',
    '../_base_/sets/synthetic_xsub.py',
    '../_base_/views/turn.py',
    '../_base_/schedules/sgd_cosine_30e.py',
    '../_base_/default_runtime.py',
    '../_base_/models/small_gcn_transformer64.py',
]
model = dict(
    backbone=_base_.encoder,
    queue_size=1024,
    momentum=0.996,
    num_neighbors=512,
    num_aggregated=16,
)
optim_wrapper = dict(optimizer=dict(_delete_=True, **_base_.optimizer))
