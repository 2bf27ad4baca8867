# Motion, sized for 2 CPU cores.
_base_ = [
    '../_base_/models/barlow_twins_bigru.py',
    '../_base_/sets/nw_ucla_xview.py',
    '../_base_/views/turn.py',
    '../_base_/schedules/sgd_cosine_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    modalities=['motion'],
    layout='kinect20',
    num_persons=1,
    backbone=dict(hidden_channels=128, pool='mean'),
    neck=dict(hidden_channels=256),
    feat_dim=256,
)
# Chosen among 0.05, 0.005 and 0.001 by neighbours of other performers within the training clips (synthetic set).
optim_wrapper = dict(optimizer=dict(lr=0.005))
