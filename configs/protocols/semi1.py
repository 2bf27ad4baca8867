# Labels of 1 % of the training clips, drawn from all of them as in the papers; mean and deviation of five draws.
_base_ = 'finetune.py'
protocol = dict(percent=1, draws='{{ fileDirname }}/draws')
