import pytest

from mmskelssl.cli.config_warnings import config_warnings


@pytest.mark.parametrize(
    ('overrides', 'processes', 'says'),
    [
        (dict(param_scheduler=[dict(type='MultiStepLR', milestones=[1, 2])]), 1, 'milestones: 2 lies beyond the run'),
        (dict(param_scheduler=[dict(type='CosineAnnealingLR', T_max=3)]), 1, 'T_max: 3 lies beyond the run'),
        (dict(param_scheduler=[dict(type='CosineAnnealingLR', T_max=1)]), 1, 'so that the rate rises again'),
        (dict(param_scheduler=[dict(type='LinearLR', end=5)]), 1, 'end: 5 lies beyond the run: train_cfg.max_epochs=2'),
        ({}, 2, '0.05 is for a total batch of 8, and this run has 16 (8 x 2 processes x 1 accumulated): pass --auto-'),
        (dict(optim_wrapper__accumulative_counts=2), 1, '2 accumulated): set lr=0.1 and auto_scale_lr.base_'),
        (dict(auto_scale_lr__enable=True, optim_wrapper__accumulative_counts=2), 2,
         'the rate would be 0.1 where 0.2 fits a total batch of 32'),
    ],
)  # fmt: skip
def test_settings_that_may_not_be_meant(load, overrides, processes, says):
    (warning,) = config_warnings(load(**overrides), processes)
    assert says in str(warning)


def test_auto_scaling_fits_any_number_of_processes(load):
    assert config_warnings(load()) == []
    assert config_warnings(load(auto_scale_lr__enable=True), 4) == []
