# Labels of 10 % of each class's training clips, at least one; mean and deviation of five draws.
_base_ = 'semi10.py'
protocol = dict(balanced=True)
