# A template for your own data: copy it, name your store and its splits, and choose what is done once to all clips.
_base_ = '../knn_monitor.py'
_set = dict(store='data/mine', normalize=[dict(type='CenterClip')])
train_dataloader = dict(dataset=dict(_set, split='train'))
val_dataloader = dict(dataset=dict(_set, split='test'))
test_dataloader = val_dataloader
