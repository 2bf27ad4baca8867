# PKU-MMD phase II, cross-subject. Up to two persons, 25 joints.
train_set = dict(store='data/pku_mmd2', split='xsub_train', normalize=[])
test_set = dict(store='data/pku_mmd2', split='xsub_test', normalize=[])
