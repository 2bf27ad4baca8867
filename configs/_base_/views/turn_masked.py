# The views of turn.py with the masks of SCD-Net, each in half of the clips. Without its flip: a hand has no left and
# right.
_base_ = 'turn.py'
_masks = [
    dict(type='NeighborMask', num_drawn=3, num_joints=5),
    dict(type='TemporalMask', num_blocks=3, block_length=4),
]
_view = [
    *_base_.data_preprocessor.train_pipeline[0].transforms,
    *(dict(type='RandomApply', transforms=[mask]) for mask in _masks),
]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=_view, num_views=2)])
