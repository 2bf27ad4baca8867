# Linear evaluation as in CrosSCLR: batch 128, learning rate 3, no augmentation.
_base_ = [
    '../_base_/models/linear_bigru.py',
    '../_base_/datasets/linear.py',
    '../_base_/schedules/linear_sgd_100e_crossclr.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=128)
protocol = dict(type='TrainedClassifier', crop_ratio=None)
