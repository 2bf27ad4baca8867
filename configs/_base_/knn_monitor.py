# Self-supervised pre-training, watched by nearest neighbours in the training set.
_base_ = 'loaders.py'
val_evaluator = dict(type='KNN', k=1)
test_evaluator = val_evaluator
val_cfg = dict(type='GalleryValLoop')
test_cfg = dict(type='GalleryTestLoop')
