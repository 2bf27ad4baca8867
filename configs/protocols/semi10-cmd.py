# Labels of 10 % of the training clips by the papers' schedule of fine-tuning; mean and deviation of five draws.
_base_ = 'finetune-cmd.py'
protocol = dict(percent=10, draws='{{ fileDirname }}/draws')
