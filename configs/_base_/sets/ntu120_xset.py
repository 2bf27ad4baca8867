# NTU RGB+D 120, cross-setup: even setups train, odd ones test.
_normalize = [dict(type='PreNormalize')]
train_set = dict(store='data/ntu120', split='xset_train', normalize=_normalize)
test_set = dict(store='data/ntu120', split='xset_test', normalize=_normalize)
