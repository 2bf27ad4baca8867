# What the official weights fit: the program's motion and bone heads are a layer around the joint head.
# Here each has its own copy of the layers that are shared there.
_base_ = 'crossclr_stgcn_1xb128-300e_ntu60-xview.py'
_deeper = dict(type='ProjectionNeck', num_layers=3)
model = dict(
    streams=dict(
        joint=dict(modality='joint'),
        motion=dict(modality='motion', neck=_deeper),
        bone=dict(modality='bone', neck=_deeper),
    )
)
