# NTU RGB+D 60, cross-subject. Up to two persons, 25 joints.
_base_ = '../knn_monitor.py'
_normalize = [dict(type='PreNormalize')]
train_dataloader = dict(dataset=dict(store='data/ntu60', split='xsub_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/ntu60', split='xsub_test', normalize=_normalize))
test_dataloader = val_dataloader
