# From random weights, with the length and the search of fine-tuning: what pre-training has to beat.
_base_ = 'finetune.py'
protocol = dict(pretrained=False)
