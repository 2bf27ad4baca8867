# The synthetic set, cross-subject. Up to two persons, 25 joints.
# python tools/dataset_converters/synthetic.py data/synthetic
_base_ = '../knn_monitor.py'
_normalize = [dict(type='CenterClip'), dict(type='AlignShoulders')]
train_dataloader = dict(dataset=dict(store='data/synthetic', split='xsub_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/synthetic', split='xsub_test', normalize=_normalize))
test_dataloader = val_dataloader
