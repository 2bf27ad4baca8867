# Labels of 10 % of the training clips by the recipe of finetune-mamp.py; mean and deviation of five draws.
_base_ = 'finetune-mamp.py'
protocol = dict(percent=10, draws='{{ fileDirname }}/draws')
