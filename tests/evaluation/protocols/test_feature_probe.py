import numpy as np
import pytest

from mmskelssl.evaluation import features
from mmskelssl.evaluation.workspace import Workspace


def test_learning_rates_and_seeds_at_once(model, load, tmp_path):
    options = {'protocol.learning_rates': [0.1, 0.5], 'protocol.num_crops': 2}
    protocol = load('linear-fast', **options)
    result = protocol.run(Workspace(model, tmp_path), ('motion',))
    assert len(result.metrics['top1'].values) == len(result.card.seeds) == 3
    assert [name for name in result.metrics if 'lr' in name] == ['top1_lr0.5']  # 0.1 is the recipe's own
    assert result.card.train_crop.endswith('2 fixed ones a clip')
    assert np.load(tmp_path / result.files['predictions'])['scores'].shape == (3, 30, 3)


def test_crops_are_encoded_once(model, load, tmp_path, monkeypatch):
    workspace = Workspace(model, tmp_path)
    first = load('linear-fast').run(workspace, ('joint',))
    assert len(list((tmp_path / 'features').iterdir())) == 2
    monkeypatch.setattr(features, 'encode', None)
    again = load('linear-fast').run(Workspace(model, tmp_path), ('joint',))
    assert again.metrics == first.metrics


def test_it_is_the_linear_protocol_on_other_crops(model, load, tmp_path):
    fast, exact = (load(name).card(Workspace(model, tmp_path), ('joint',)) for name in ('linear-fast', 'linear'))
    assert fast.unlike(exact) == ['train_crop']


@pytest.mark.parametrize(
    'options',
    [
        {'optim_wrapper.optimizer.type': 'Adam'},
        {'param_scheduler': [dict(type='CosineAnnealingLR', T_max=2)]},
        {'optim_wrapper.optimizer.nesterov': True},
    ],
)
def test_recipes_that_it_does_not_follow_are_refused(model, load, tmp_path, options):
    protocol = load('linear-fast')
    protocol.cfg.merge_from_dict(options)
    with pytest.raises(ValueError, match='plain SGD and one MultiStepLR'):
        protocol.run(Workspace(model, tmp_path), ('joint',))
