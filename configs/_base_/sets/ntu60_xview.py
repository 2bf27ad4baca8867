# NTU RGB+D 60, cross-view: cameras 2 and 3 train, camera 1 tests.
_normalize = [dict(type='PreNormalize')]
train_set = dict(store='data/ntu60', split='xview_train', normalize=_normalize)
test_set = dict(store='data/ntu60', split='xview_test', normalize=_normalize)
