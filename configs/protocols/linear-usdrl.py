# Linear evaluation as in the official program of USDRL: learning rate 0.006, 160 epochs. On NTU-60 x-view and
# PKU-MMD II it takes other rates, chosen on the test side; linear-usdrl-fast.py chooses one without it.
_base_ = 'linear-umurl.py'
optim_wrapper = dict(optimizer=dict(lr=0.006))
train_cfg = dict(max_epochs=160)
