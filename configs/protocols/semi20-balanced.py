# Labels of 20 % of each class's training clips, at least one; mean and deviation of five draws.
_base_ = 'semi20.py'
protocol = dict(balanced=True)
