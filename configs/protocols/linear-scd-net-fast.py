# linear-scd-net.py on features that are computed once: three seeds and nine learning rates at once.
_base_ = 'linear-scd-net.py'
protocol = dict(
    type='FeatureProbe',
    num_crops=1,
    seeds=(0, 1, 2),
    learning_rates=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
)
