# On an encoder of MAMP, of which the upper four of eight blocks learn. Both views are the same clip: one pass serves
# both. Set model.pretrained to the checkpoint.
model = dict(
    type='STARS',
    backbone=dict(type='SkeletonTransformer', num_frames=120, segment_length=4, width=256, num_layers=8, num_heads=8),
    modalities=['joint'],
    layout='ntu25',
    num_persons=2,
    pretrained=None,
    learning_layers=4,
    predictor_channels=4096,
    queue_size=32768,
    temperature=0.07,
    num_neighbors=1,
    num_views=1,
)
