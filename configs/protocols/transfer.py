# Fine-tuned on another data set than that of pre-training: tools/evaluate.py --data.
_base_ = 'finetune.py'
protocol = dict(other_data=True)
