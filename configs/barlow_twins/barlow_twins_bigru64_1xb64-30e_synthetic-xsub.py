# Motion, sized for 2 CPU cores.
_base_ = [
    '../_base_/models/barlow_twins_bigru.py',
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
# Chosen among 0.05, 0.005 and 0.001 by neighbours of other performers within the training clips (synthetic set).
optim_wrapper = dict(optimizer=dict(lr=0.005))
