_base_ = 'skeletonclr_bigru.py'
model = dict(
    type='MMCVMutual',
    modalities=['joint', 'motion', 'bone'],
    second_momentum=0.995,
    num_neighbors=8192,
    teacher_temperature=0.05,
    student_temperature=0.1,
    contrast_weight=1.0,
    distill_weight=0.25,
)
