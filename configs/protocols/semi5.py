# Labels of 5 % of the training clips, drawn from all of them as in the papers; mean and deviation of five draws.
_base_ = 'finetune.py'
protocol = dict(percent=5, draws='{{ fileDirname }}/draws')
