# For small sets on a CPU: the optimizer of UmURL and USDRL.
_base_ = 'sgd_cosine_100e.py'
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=5e-4, weight_decay=1e-5))
