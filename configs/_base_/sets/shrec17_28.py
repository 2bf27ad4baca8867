# SHREC'17, 28 classes: the 14 gestures with one finger and with the whole hand.
# python tools/dataset_converters/shrec17.py SHREC17.tar.xz data/shrec17_28 --classes 28
_base_ = 'shrec17.py'
train_dataloader = dict(dataset=dict(store='data/shrec17_28'))
val_dataloader = dict(dataset=dict(store='data/shrec17_28'))
test_dataloader = val_dataloader
