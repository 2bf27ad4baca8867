_base_ = ['../_base_/runs/redelab_tcn.py', '../_base_/sets/shrec17.py']
model = dict(layout='hand22', num_persons=1, rounds=[24, 32], num_clusters=64, queue_size=1960)
train_cfg = dict(max_epochs=40)
train_dataloader = dict(batch_size=64)
