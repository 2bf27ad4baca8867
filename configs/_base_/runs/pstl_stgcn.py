# PSTL on motion, sized for 2 CPU cores and small sets: everything but the set. As in the paper a fifth of the frames is
# cut out twice, and a third of the joints left out; λ is larger as the embedding is narrower.
_base_ = [
    '../models/pstl_stgcn.py',
    '../views/turn_3views.py',
    '../schedules/adam_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(base_channels=8, out_channels=128, dropout=0.0),
    neck=dict(hidden_channels=256),
    feat_dim=256,
    mask_frames=6,
    mask_joints=6,
    redundancy_weight=0.005,
)
