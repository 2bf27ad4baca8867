# ISC on motion, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/isc_bigru_agcn.py',
    '../views/turn.py',
    '../schedules/sgd_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    backbone=dict(hidden_channels=128, pool='mean', input_norm=True),
    streams=dict(
        seq=dict(modality='motion'),
        graph=dict(modality='motion', backbone=dict(base_channels=8)),
    ),
    queue_size=256,
    momentum=0.996,
)
