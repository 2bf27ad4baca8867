# NW-UCLA, cross-view: views 1 and 2 train, view 3 tests. One person, 20 joints.
# python tools/dataset_converters/nw_ucla.py all_sqe.tar.gz data/nw_ucla
_base_ = '../knn_monitor.py'
_normalize = [dict(type='CenterClip'), dict(type='AlignShoulders')]
train_dataloader = dict(dataset=dict(store='data/nw_ucla', split='xview_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/nw_ucla', split='xview_test', normalize=_normalize))
test_dataloader = val_dataloader
