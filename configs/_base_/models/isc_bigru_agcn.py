# Sequence and graph of ISC, on joints. Its BiGRU does not normalize the input.
_base_ = 'skeletonclr_bigru.py'
model = dict(
    type='ISC',
    backbone=dict(input_norm=False),
    streams=dict(
        seq=dict(modality='joint'),
        graph=dict(modality='joint', backbone=dict(type='AGCN', base_channels=64)),
    ),
)
