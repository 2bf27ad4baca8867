# finetune-augmented.py with labels of 10 % of the training clips; mean and deviation of five draws.
_base_ = 'finetune-augmented.py'
protocol = dict(percent=10, draws='{{ fileDirname }}/draws')
