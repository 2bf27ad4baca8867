_base_ = ['../_base_/runs/redelab_tcn.py', '../_base_/sets/synthetic_xsub.py']
model = dict(layout='ntu25', num_persons=2, rounds=[36, 48], num_clusters=100, queue_size=1000)
train_cfg = dict(max_epochs=60)
train_dataloader = dict(batch_size=64)
