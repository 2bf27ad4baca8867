# NTU RGB+D 60, cross-subject. Up to two persons, 25 joints.
_normalize = [dict(type='PreNormalize')]
train_set = dict(store='data/ntu60', split='xsub_train', normalize=_normalize)
test_set = dict(store='data/ntu60', split='xsub_test', normalize=_normalize)
