# finetune-mamp.py on another data set than that of pre-training: tools/evaluate.py --data.
_base_ = 'finetune-mamp.py'
protocol = dict(other_data=True)
