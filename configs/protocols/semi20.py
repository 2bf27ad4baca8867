# Labels of 20 % of the training clips, drawn from all of them as in the papers; mean and deviation of five draws.
_base_ = 'finetune.py'
protocol = dict(percent=20, draws='{{ fileDirname }}/draws')
