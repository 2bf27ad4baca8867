# Parameters, gradients and optimizer states shared out over 8 GPUs (FSDP), activations computed anew in the backward
# pass: see docs/scale.md.
# bash tools/dist_train.sh CONFIG 8
_base_ = 'i2md_gcn-transformer_1xb256-500e_ntu60-xsub.py'
runner_type = 'FlexibleRunner'
strategy = dict(type='ShardedStrategy')
model = dict(backbone=dict(with_cp=True))
train_dataloader = dict(batch_size=32, drop_last=True)
