_base_ = [
    '../_base_/models/slim_class_token_transformer.py',
    '../_base_/sets/ntu60_xsub_ctrgcn.py',
    '../_base_/views/slim.py',
    '../_base_/schedules/adamw_3590e_slim.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=768)
