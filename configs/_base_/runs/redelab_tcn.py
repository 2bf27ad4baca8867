# ReDeLab with its views and schedule; a leaf adds a set and says epochs, rounds and clusters for its number of clips.
_base_ = [
    '../models/redelab_tcn.py',
    '../views/warp.py',
    '../schedules/adamw_cosine.py',
    '../default_runtime.py',
]
# Another body for each augmented view: few performers are to stand for all.
_view, _whole = _base_.data_preprocessor.train_pipeline[0].transforms
_view = [*_view[:2], dict(type='JointOffset', std=0.4), *_view[2:]]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=[_view, _whole], num_views=[2, 1])])
