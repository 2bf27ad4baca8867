# Labels of 1 % of each class's training clips, at least one; mean and deviation of five draws.
_base_ = 'semi1.py'
protocol = dict(balanced=True)
