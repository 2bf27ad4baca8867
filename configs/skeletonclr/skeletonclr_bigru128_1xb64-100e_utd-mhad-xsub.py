# Motion, sized for 2 CPU cores.
_base_ = [
    '../_base_/models/skeletonclr_bigru.py',
    '../_base_/sets/utd_mhad_xsub.py',
    '../_base_/views/turn.py',
    '../_base_/schedules/sgd_cosine_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    modalities=['motion'],
    layout='utd20',
    num_persons=1,
    backbone=dict(hidden_channels=128, pool='mean'),
    queue_size=256,
    momentum=0.996,
)
