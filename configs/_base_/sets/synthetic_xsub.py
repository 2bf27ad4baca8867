# The synthetic set, cross-subject. Up to two persons, 25 joints.
# python tools/dataset_converters/synthetic.py data/synthetic
_normalize = [dict(type='CenterClip'), dict(type='AlignShoulders')]
train_set = dict(store='data/synthetic', split='xsub_train', normalize=_normalize)
test_set = dict(store='data/synthetic', split='xsub_test', normalize=_normalize)
