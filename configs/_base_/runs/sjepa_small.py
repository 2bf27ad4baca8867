# S-JEPA's loss, sized for 2 CPU cores and small sets: everything but the set. No recipe of the paper is known here.
_base_ = ['../views/mamp_64.py', '../schedules/adamw_100e_skeleton2vec.py', '../default_runtime.py']
model = dict(
    type='SJEPA',
    backbone=dict(type='SkeletonTransformer', num_frames=64, width=128, num_layers=4, num_heads=4),
    decoder=dict(type='TokenDecoder', width=128, num_layers=2, num_heads=4),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    mask_ratio=0.9,
    mask_temperature=0.8,
    student_temperature=0.1,
    teacher_temperature=0.04,
    center_momentum=0.9,
    momentum=dict(start=0.99, end=0.999),
)
