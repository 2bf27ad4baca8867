# A classifier. The protocol fills in its backbone, classes, modality and data; they come from the checkpoint.
_base_ = ['../../_base_/loaders.py', '../../_base_/default_runtime.py']
model = dict(type='SkeletonClassifier', frozen=True)
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
