# NTU RGB+D 60, cross-view: cameras 2 and 3 train, camera 1 tests.
_base_ = '../knn_monitor.py'
_normalize = [dict(type='PreNormalize')]
train_dataloader = dict(dataset=dict(store='data/ntu60', split='xview_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/ntu60', split='xview_test', normalize=_normalize))
test_dataloader = val_dataloader
