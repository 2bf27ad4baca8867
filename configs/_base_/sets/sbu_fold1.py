# SBU Kinect Interaction, the first of five folds over pairs of persons. Two persons, 15 joints.
# python tools/dataset_converters/sbu.py SBU.tar.gz data/sbu
_base_ = '../knn_monitor.py'
_normalize = [dict(type='CenterClip'), dict(type='AlignShoulders')]
train_dataloader = dict(dataset=dict(store='data/sbu', split='fold1_train', normalize=_normalize))
val_dataloader = dict(dataset=dict(store='data/sbu', split='fold1_test', normalize=_normalize))
test_dataloader = val_dataloader
