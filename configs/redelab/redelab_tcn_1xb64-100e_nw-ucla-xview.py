_base_ = ['../_base_/runs/redelab_tcn.py', '../_base_/sets/nw_ucla_xview.py']
model = dict(layout='kinect20', num_persons=1, rounds=[60, 80], num_clusters=200, queue_size=1020)
# Another camera is to be known: larger turns.
_view, _whole = _base_.data_preprocessor.train_pipeline[0].transforms
_angles = dict(RandomTurn=60, RandomRotation=20)
_turned = [dict(step, max_angle=_angles[step.type]) if step.type in _angles else step for step in _view]
data_preprocessor = dict(train_pipeline=[dict(type='MultiView', transforms=[_turned, _whole], num_views=[2, 1])])
train_cfg = dict(max_epochs=100)
train_dataloader = dict(batch_size=64)
