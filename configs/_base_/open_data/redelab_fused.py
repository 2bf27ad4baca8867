# With all that it has: joints, bones and velocity as channels of one encoder.
_base_ = 'redelab.py'
model = dict(modalities=['fused'])
