# From random weights, otherwise as finetune-mamp.py: what pre-training has to beat.
_base_ = 'finetune-mamp.py'
protocol = dict(pretrained=False)
