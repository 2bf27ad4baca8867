# Labels of 10 % of the training clips, drawn from all of them as in the papers; mean and deviation of five draws.
_base_ = 'finetune.py'
protocol = dict(percent=10, draws='{{ fileDirname }}/draws')
