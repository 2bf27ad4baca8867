_base_ = [
    '../_base_/models/mamp_skeleton_transformer.py',
    '../_base_/sets/ntu60_xsub_ctrgcn.py',
    '../_base_/views/mamp.py',
    '../_base_/schedules/adamw_400e_mamp.py',
    '../_base_/default_runtime.py',
]
# As in the official scripts, which have three blocks on NTU-60 and five elsewhere.
model = dict(decoder=dict(num_layers=3))
train_dataloader = dict(batch_size=128)
