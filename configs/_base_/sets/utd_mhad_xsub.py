# UTD-MHAD, cross-subject: odd subjects train, even ones test. One person, 20 joints.
# python tools/dataset_converters/utd_mhad.py Skeleton.tar.gz data/utd_mhad
_base_ = '../knn_monitor.py'
_normalize = [dict(type='CenterClip'), dict(type='AlignShoulders')]
train_dataloader = dict(dataset=dict(store='data/utd_mhad', split='xsub_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/utd_mhad', split='xsub_test', normalize=_normalize))
test_dataloader = val_dataloader
