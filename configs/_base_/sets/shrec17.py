# SHREC'17, 14 hand gestures, the official split. One hand of 22 joints, which has no shoulders to turn it by.
# python tools/dataset_converters/shrec17.py SHREC17.tar.xz data/shrec17
_base_ = '../knn_monitor.py'
_normalize = [dict(type='CenterClip')]
train_dataloader = dict(dataset=dict(store='data/shrec17', split='train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/shrec17', split='test', normalize=_normalize))
test_dataloader = val_dataloader
