# From random weights by the papers' schedule of fine-tuning, which is too short for it on small sets.
_base_ = 'finetune-cmd.py'
protocol = dict(pretrained=False)
