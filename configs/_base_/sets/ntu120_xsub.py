# NTU RGB+D 120, cross-subject. Up to two persons, 25 joints.
_normalize = [dict(type='PreNormalize')]
train_set = dict(store='data/ntu120', split='xsub_train', normalize=_normalize)
test_set = dict(store='data/ntu120', split='xsub_test', normalize=_normalize)
