# Labels of 1 % of the training clips by the recipe of finetune-mamp.py; mean and deviation of five draws.
_base_ = 'finetune-mamp.py'
protocol = dict(percent=1, draws='{{ fileDirname }}/draws')
