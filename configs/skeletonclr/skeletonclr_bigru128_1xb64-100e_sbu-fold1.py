# Motion, sized for 2 CPU cores.
_base_ = [
    '../_base_/models/skeletonclr_bigru.py',
    '../_base_/sets/sbu_fold1.py',
    '../_base_/views/turn.py',
    '../_base_/schedules/sgd_cosine_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    modalities=['motion'],
    layout='sbu15',
    num_persons=2,
    backbone=dict(hidden_channels=128, pool='mean'),
    queue_size=128,
    momentum=0.996,
)
