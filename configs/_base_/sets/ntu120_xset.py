# NTU RGB+D 120, cross-setup: even setups train, odd ones test.
_base_ = '../knn_monitor.py'
_normalize = [dict(type='PreNormalize')]
train_dataloader = dict(dataset=dict(store='data/ntu120', split='xset_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/ntu120', split='xset_test', normalize=_normalize))
test_dataloader = val_dataloader
