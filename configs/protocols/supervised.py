# From random weights by the schedule of fine-tuning: what pre-training has to beat.
_base_ = 'finetune.py'
protocol = dict(pretrained=False)
