# NTU RGB+D 120, cross-subject. Up to two persons, 25 joints.
train_set = dict(store='data/ntu120', split='xsub_train', normalize=[])
test_set = dict(store='data/ntu120', split='xsub_test', normalize=[])
