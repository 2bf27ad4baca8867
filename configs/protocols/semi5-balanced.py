# Labels of 5 % of each class's training clips, at least one; mean and deviation of five draws.
_base_ = 'semi5.py'
protocol = dict(balanced=True)
