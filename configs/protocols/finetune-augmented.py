# finetune.py for small sets: in the views of pre-training with all their augmentations, by AdamW with a cosine.
_base_ = 'finetune.py'
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=0.002, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True),
]
protocol = dict(augmented=True, min_steps=2000, search_rates=(0.0005, 0.002))
