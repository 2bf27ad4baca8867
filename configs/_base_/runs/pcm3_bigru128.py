# PCM³ on motion, in its form for motion: without prompts and distillation. Sized for 2 CPU cores and small sets:
# everything but the set.
_base_ = [
    '../models/pcm3_bigru.py',
    '../views/turn_3views.py',
    '../schedules/sgd_cosine_100e.py',
    '../default_runtime.py',
]
model = dict(
    modalities=['motion'],
    backbone=dict(hidden_channels=128, pool='mean'),
    decoder=dict(width=64),
    prompt_channels=0,
    distill_weight=0.0,
    mix_blocks=(3, 6),
    queue_size=256,
    momentum=0.996,
)
