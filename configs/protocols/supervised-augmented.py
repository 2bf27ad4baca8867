# From random weights, with the views, the length and the search of finetune-augmented.py.
_base_ = 'finetune-augmented.py'
protocol = dict(pretrained=False)
