# NTU RGB+D 60, cross-subject. Up to two persons, 25 joints.
train_set = dict(store='data/ntu60', split='xsub_train', normalize=[])
test_set = dict(store='data/ntu60', split='xsub_test', normalize=[])
