# Not stated by the paper: the target (MAMP's motion here), the depth of the decoder (five layers follow from the cost
# that it states) and the epochs.
_base_ = 'mamp_skeleton_transformer.py'
model = dict(
    type='AMR',
    decoder=dict(_delete_=True, type='QueryDecoder', segments_per_query=6, width=256, num_layers=5, num_heads=8),
    mask_temperature=0.0,
    windows=(4, 8, 12),
    softness=0.01,
)
