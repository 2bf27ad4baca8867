# Backbone and classifier trained, as in CMD and I²MD: the schedule of linear.py with a learning rate of 0.01.
_base_ = 'linear.py'
model = dict(frozen=False)
optim_wrapper = dict(optimizer=dict(lr=0.01))
