import itertools

import pytest
import torch
from mmengine.runner import Runner
from torch.utils.data import DataLoader

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def make_runner(tmp_path):
    """Builds a runner over a list of ready batches."""

    def make(model, batches=(), hooks=(), accumulative_counts=1, max_epochs=1, lr=0.1, seed=None, **options):
        if len(batches):
            options |= dict(
                train_dataloader=DataLoader(batches, batch_size=1, collate_fn=lambda items: items[0]),
                train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
                optim_wrapper=dict(optimizer=dict(type='SGD', lr=lr), accumulative_counts=accumulative_counts),
            )
        return Runner(
            model,
            work_dir=str(tmp_path / 'work'),
            default_hooks=dict(checkpoint=None, logger=None),
            custom_hooks=list(hooks),
            default_scope='mmskelssl',
            randomness=dict(seed=seed),
            experiment_name=f'{tmp_path.name}_{next(_numbers)}',
            log_level='WARNING',
            **options,
        )

    return make
