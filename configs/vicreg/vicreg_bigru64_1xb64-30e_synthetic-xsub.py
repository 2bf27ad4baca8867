# Motion, sized for 2 CPU cores.
_base_ = [
    '../_base_/models/vicreg_bigru.py',
    '../_base_/sets/synthetic_xsub.py',
    '../_base_/views/turn.py',
    '../_base_/schedules/sgd_cosine_30e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(hidden_channels=64, pool='mean'),
    neck=dict(hidden_channels=256),
    feat_dim=256,
)
