# CrosSCLR's normalization, for the place of a set's own: 50 frames, every person's centre and shoulders in one place.
normalize = [
    dict(type='CenterPersons'),
    dict(type='ResizeClips', num_frames=50),
    dict(type='AlignShoulders', each_frame=True),
]
