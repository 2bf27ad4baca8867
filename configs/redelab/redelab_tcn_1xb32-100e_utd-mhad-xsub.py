_base_ = ['../_base_/runs/redelab_tcn.py', '../_base_/sets/utd_mhad_xsub.py']
model = dict(layout='utd20', num_persons=1, rounds=[60, 80], num_clusters=100, queue_size=431)
train_cfg = dict(max_epochs=100)
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=32)
