# Labels of 1 % of the training clips by the papers' schedule of fine-tuning; mean and deviation of five draws.
_base_ = 'finetune-cmd.py'
protocol = dict(percent=1, draws='{{ fileDirname }}/draws')
