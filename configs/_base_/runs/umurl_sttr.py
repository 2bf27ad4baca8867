# UmURL, sized for 2 CPU cores and small sets: everything but the set.
_base_ = [
    '../models/umurl_sttr.py',
    '../views/turn_4views.py',
    '../schedules/adam_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(backbone=dict(num_frames=32, width=128), feat_dim=256)
