# CMD and I²MD: batch 64, 0.01, divided by 10 at 50 and 70. The last epoch counts.
_base_ = 'linear_sgd_80e.py'
optim_wrapper = dict(optimizer=dict(lr=0.01))
