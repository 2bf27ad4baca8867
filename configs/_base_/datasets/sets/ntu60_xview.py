# NTU RGB+D 60, cross-view: cameras 2 and 3 train, camera 1 tests.
train_set = dict(store='data/ntu60', split='xview_train', normalize=[])
test_set = dict(store='data/ntu60', split='xview_test', normalize=[])
