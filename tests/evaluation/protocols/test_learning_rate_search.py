"""The learning rate of a protocol that trains is chosen on held-out training clips, and on nothing else."""

import shutil

import numpy as np
import pytest

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.evaluation.protocols.schedule import Trial, best_learning_rate, num_epochs, with_epochs
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.workspace import Workspace

from ..conftest import pretraining

RATES = [1e-9, 0.3]
SEARCH = {'protocol.search_rates': RATES, 'protocol.min_steps': 20, 'protocol.search_share': 0.5}


def copy_store(source, target, test_of=lambda clip, label: (clip, label)):
    """A store with other test clips."""
    store = ClipStore(source)
    with ClipStore.create(target, 'kinect20', store.classes) as writer:
        for number, (clip, label) in enumerate(zip(store, store.labels.tolist(), strict=True)):
            writer.add(store.names[number], *reversed(test_of(clip, label) if number >= 60 else (clip, label)))
        writer.splits.update(store.splits)
    return target


def run(store, make_checkpoint, load, folder, name='supervised', min_steps=20):
    model = read_pretrained(make_checkpoint(pretraining(store, modalities=['joint'])))
    return load(name, **SEARCH | {'protocol.min_steps': min_steps}).run(Workspace(model, folder), ('joint',))


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    return tmp_path_factory.mktemp('work')


@pytest.fixture(scope='module')
def result(store, make_checkpoint, load, work):
    return run(store, make_checkpoint, load, work)


def test_the_rate_that_learns_is_chosen_and_stands_in_the_card(result, work):
    chosen = result.card.chosen
    assert chosen['learning_rate'] == 0.3 and chosen['held_out_clips'] == 6
    accuracies = chosen['held_out_top1']
    assert list(accuracies) == ['1e-09', '0.3'] and accuracies['0.3'] > accuracies['1e-09']
    # 60 clips in batches of 64 are one step per epoch.
    assert result.card.schedule['epochs'] == 20 and result.card.schedule['search_epochs'] == 10
    assert result.card.schedule['lr'] == 'chosen' and result.card.schedule['search_rates'] == RATES
    assert result.card.schedule['steps'][0]['milestones'] == [10]  # half of the training, as before
    text = (work / 'supervised/joint/run0/config.py').read_text()
    assert 'lr=0.3' in text and 'max_epochs=20' in text and 'part=' not in text
    assert not list((work / 'supervised/joint/search').rglob('*.pth'))


@pytest.mark.parametrize('garbage', ['labels', 'clips'])
def test_the_test_side_has_no_part_in_the_choice(result, work, store, make_checkpoint, load, tmp_path, garbage):
    spoil = dict(
        labels=lambda clip, label: (clip, (label * 7 + 1) % 3),
        clips=lambda clip, label: (np.random.default_rng(0).normal(0, 9, clip.shape), label),
    )
    other = copy_store(store, tmp_path / 'small', spoil[garbage])
    spoilt = run(other, make_checkpoint, load, tmp_path / 'spoilt')
    assert spoilt.metrics['top1'].mean < result.metrics['top1'].mean  # it is another test side
    assert spoilt.card.chosen == result.card.chosen
    assert spoilt.metrics['train_top1'] == result.metrics['train_top1']
    files = [folder / 'supervised/joint/search/run0-lr0.3/held_out.npz' for folder in (work, tmp_path / 'spoilt')]
    np.testing.assert_array_equal(*(np.load(path)['scores'] for path in files))


def test_a_trial_names_no_test_clip(store, make_checkpoint, load):
    model = read_pretrained(make_checkpoint(pretraining(store)))
    cfg = load('finetune', **SEARCH).trial_config(model, 'joint', 0, 0.1)
    assert "'test'" not in cfg.pretty_text and cfg.val_dataloader is cfg.test_dataloader is None
    fit = SkeletonDataset(**{key: value for key, value in cfg.train_dataloader.dataset.items() if key != 'type'})
    apart = model.dataset('train', None, 'held-out')
    assert not set(fit.names) & set(apart.names)
    assert set(fit.names) | set(apart.names) == set(model.train_clips.names)


def test_the_effort_is_the_same_wherever_training_starts(store, make_checkpoint, load, tmp_path):
    model = read_pretrained(make_checkpoint(pretraining(store)))
    cards = [load(name, **SEARCH).card(Workspace(model, tmp_path), ('joint',)) for name in ('finetune', 'supervised')]
    assert cards[0].unlike(cards[1]) == ['start']


def test_what_was_chosen_does_not_keep_results_apart(result):
    other = type(result.card)(**dict(vars(result.card), chosen={}))
    assert result.card.unlike(other) == []


def test_draws_choose_one_rate_together_and_from_their_labels_alone(store, make_checkpoint, load, tmp_path):
    result = run(store, make_checkpoint, load, tmp_path / 'work', 'semi20', min_steps=12)
    assert result.card.chosen['learning_rate'] == 0.3
    assert result.card.chosen['held_out_clips'] == 10  # two of the twelve of each of five draws
    for draw in range(5):
        held_out = np.load(tmp_path / f'work/semi20/joint/search/run{draw}-lr0.3/held_out.npz')['names']
        trained_on = np.load(tmp_path / f'work/semi20/joint/run{draw}/train_predictions.npz')['names']
        assert set(held_out) < set(trained_on) and len(trained_on) == 12


def test_where_nothing_can_be_held_out_the_rate_of_the_config_stands(store, make_checkpoint, load, tmp_path):
    model = read_pretrained(make_checkpoint(pretraining(store)))
    protocol = load('semi5-balanced', **SEARCH | {'optim_wrapper.optimizer.lr': 0.07, 'protocol.min_steps': 2})
    result = protocol.run(Workspace(model, tmp_path), ('joint',))
    assert result.card.chosen == {} and 'lr=0.07' in (tmp_path / 'semi5-balanced/joint/run0/config.py').read_text()
    assert 'No labelled clip could be held out, so the learning rate is that of the config.' in result.remarks


def test_training_that_does_not_fit_its_own_clips_is_said(model, load, tmp_path):
    short = load('supervised', **{'train_cfg.max_epochs': 1}).run(Workspace(model, tmp_path / 'short'), ('joint',))
    accuracy = short.metrics['train_top1'].mean
    assert accuracy < 95 and any(f'only {accuracy:.1f} % of the clips' in remark for remark in short.remarks)
    options = {'train_cfg.max_epochs': 60, 'param_scheduler.0.milestones': [50], 'optim_wrapper.optimizer.lr': 0.3}
    long = load('supervised', **options).run(Workspace(model, tmp_path / 'long'), ('joint',))
    assert long.metrics['train_top1'].mean >= 95 and not long.remarks


def test_an_interrupted_search_goes_on(result, work, store, make_checkpoint, load, tmp_path):
    shutil.copytree(work / 'supervised/joint/search/run0-lr1e-09', tmp_path / 'supervised/joint/search/run0-lr1e-09')
    again = run(store, make_checkpoint, load, tmp_path)
    assert again.card == result.card and again.metrics == result.metrics


@pytest.mark.parametrize(
    ('clips', 'steps', 'epochs'), [(64, 0, 80), (64, 80, 80), (65, 1000, 500), (431, 1000, 143), (40091, 1000, 80)]
)
def test_small_sets_get_more_epochs(load, clips, steps, epochs):
    cfg = load('finetune', **{'train_cfg.max_epochs': 80}).cfg
    assert num_epochs(cfg, clips, steps) == epochs


def test_all_that_counts_epochs_is_scaled(load):
    cfg = load('linear', **{'train_cfg.max_epochs': 80, 'param_scheduler.0.milestones': [50, 70]}).cfg
    cfg.param_scheduler += [dict(type='CosineAnnealingLR', begin=8, end=80, T_max=72), dict(begin=9, by_epoch=False)]
    longer = with_epochs(cfg, 200)
    assert longer.train_cfg.max_epochs == longer.train_cfg.val_interval == 200
    steps, cosine, by_iteration = longer.param_scheduler
    assert steps.milestones == [125, 175] and (cosine.begin, cosine.end, cosine.T_max) == (20, 200, 180)
    assert by_iteration.begin == 9 and cfg.train_cfg.max_epochs == 80
    assert longer.default_hooks.checkpoint.interval == 25


def test_equal_accuracies_are_told_apart_by_the_loss():
    trials = [Trial(0.01, 50, 0.1), Trial(0.03, 90, 0.7), Trial(0.1, 90, 0.6), Trial(0.3, 90, 0.65)]
    assert best_learning_rate(trials) == 0.1
