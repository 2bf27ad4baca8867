_base_ = 'skeletonclr_bigru.py'
model = dict(
    type='CMD',
    modalities=['joint', 'motion', 'bone'],
    num_neighbors=8192,
    teacher_temperature=0.05,
    student_temperature=0.1,
    distill_weight=1.0,
)
