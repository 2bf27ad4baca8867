# Sized for 2 CPU cores. The cluster branch needs the Transformer: a small one, not the BiGRU of the other methods here.
_base_ = [
    '../_base_/models/i2md_gcn_transformer.py',
    '../_base_/datasets/synthetic_xsub_turn.py',
    '../_base_/schedules/sgd_cosine_30e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(gcn_channels=16, width=64, num_layers=2, num_heads=4, ffn_channels=128),
    queue_size=1024,
    momentum=0.996,
    num_neighbors=512,
    num_aggregated=16,
)
# SGD trains a small Transformer slowly.
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=0.001))
