_base_ = 'skeletonclr_bigru.py'
model = dict(
    type='PCM3',
    decoder=dict(type='FrameDecoder', width=512, num_layers=2),
    prompt_channels=256,
    mask_ratio=0.6,
    mask_blocks=8,
    mix_parts=(2, 3),
    mix_blocks=(7, 11),
    reconstruction_weight=40.0,
    distill_weight=1.0,
    teacher_temperature=0.05,
    student_temperature=0.1,
)
