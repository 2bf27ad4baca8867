_base_ = ['../_base_/runs/redelab_tcn.py', '../_base_/sets/sbu_fold1.py']
model = dict(layout='sbu15', num_persons=2, rounds=[90, 120], num_clusters=50, queue_size=217)
train_cfg = dict(max_epochs=150)
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=32)
