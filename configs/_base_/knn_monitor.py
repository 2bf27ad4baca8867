# Self-supervised pre-training with a KNN monitor.
_base_ = 'loaders.py'
val_evaluator = dict(type='KNN', k=1)
test_evaluator = val_evaluator
val_cfg = dict(type='GalleryValLoop', gallery_dataloader=_base_.val_dataloader)
test_cfg = dict(type='GalleryTestLoop', gallery_dataloader=_base_.val_dataloader)
