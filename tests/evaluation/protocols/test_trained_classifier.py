import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.label_draws import names_digest, read_draw, write_draws
from mmskelssl.engine.runner import Runner
from mmskelssl.evaluation import pretrained_model
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.registry import DATASETS, MODELS
from mmskelssl.utils.config import model_config
from mmskelssl.utils.errors import StoreError


def backbone_of(path):
    state = torch.load(path)['state_dict']
    return {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}


def pretrained(checkpoint, modality):
    prefix = f'encoder.{modality}.backbone.'
    state = torch.load(checkpoint)['state_dict']
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def equal(a, b):
    return {key for key in a if torch.equal(a[key], b[key])}


def test_linear_leaves_the_encoder_bitwise_as_it_was(model, checkpoint, load, tmp_path):
    result = load('linear').run(Workspace(model, tmp_path), ('motion',))
    before = pretrained(checkpoint, 'motion')
    after = backbone_of(tmp_path / 'linear' / 'motion' / 'run0' / 'epoch_2.pth')
    assert before.keys() == after.keys() == equal(before, after)
    assert any('running_mean' in key for key in after) and any('num_batches_tracked' in key for key in after)
    assert (result.card.trained, result.card.start, result.card.labels) == ('classifier', 'pre-trained', 'all')
    assert result.card.schedule['lr'] == 0.1 and result.card.schedule['epochs'] == 2
    assert 'ratio=(0.5, 1.0)' in result.card.train_crop and 'Shear' not in result.card.train_crop


@pytest.mark.parametrize('name', ['finetune-augmented', 'supervised-augmented'])
def test_augmented_protocols_train_on_the_whole_view_of_pre_training(model, load, tmp_path, name):
    protocol = load(name)
    cfg = protocol.config(model, 'joint', 0)
    assert cfg.data_preprocessor.train_pipeline == model.augmented_view != model.train_view
    assert cfg.data_preprocessor.test_pipeline == model.test_pipeline
    assert cfg.optim_wrapper.optimizer.type == 'AdamW' and 'momentum' not in cfg.optim_wrapper.optimizer
    card = protocol.card(Workspace(model, tmp_path), ('joint',))
    assert 'Shear' in card.train_crop and card.trained == 'all'
    assert (card.start == 'random') == (name == 'supervised-augmented')


def test_supervised_owes_nothing_to_the_checkpoint(model, checkpoint, load, tmp_path):
    protocol = load('supervised')
    assert protocol.config(model, 'joint', 0).model.pretrained is None
    card = protocol.card(Workspace(model, tmp_path), ('joint',))
    assert (card.method, card.weights, card.start, card.trained) == ('supervised', 'random', 'random', 'all')


def test_fine_tuning_moves_all_of_it_and_the_last_epoch_is_reported(model, checkpoint, load, tmp_path):
    result = load('finetune').run(Workspace(model, tmp_path), ('joint',))
    last = tmp_path / 'finetune/joint/run0/epoch_2.pth'
    before, after = pretrained(checkpoint, 'joint'), backbone_of(last)
    assert not equal(before, after)
    assert max((after[key] - before[key]).abs().max() for key in before if 'weight' in key) < 0.5  # it began there
    classifier = MODELS.build(model_config(load('finetune').config(model, 'joint', 0)))
    classifier.load_state_dict(torch.load(last)['state_dict'])
    test = model.test_clips
    with torch.no_grad():
        batch = classifier.data_preprocessor(test.__getitems__(range(len(test))))
        (prediction,) = classifier.eval()(**batch, mode='predict')
    scores = np.load(tmp_path / result.files['predictions'])['scores'][0]
    np.testing.assert_allclose(scores, prediction['scores'].numpy(), rtol=1e-4, atol=1e-6)
    hits = (scores.argmax(1) == test.labels).mean()
    assert result.metrics['top1'].values == [pytest.approx(100 * hits)]
    assert result.card.trained == 'all'


@pytest.mark.parametrize('kind', ['random', 'balanced'])
def test_draws_never_touch_the_test_side(model, load, store, tmp_path, kind):
    protocol = load('semi20' if kind == 'random' else 'semi20-balanced')
    card = protocol.card(Workspace(model, tmp_path), ('joint',))
    assert len(card.seeds) == len(set(card.draws)) == 5
    for run in range(5):
        cfg = protocol.config(model, 'joint', run)
        train, test = (DATASETS.build(loader.dataset) for loader in (cfg.train_dataloader, cfg.test_dataloader))
        assert len(train) == 12 and len(test) == 30 and not set(test.names) & set(train.names)
        assert set(train.names) == set(read_draw(store.parent / f'draws/small_train_{kind}.txt.gz', 20, run))
        assert names_digest(train.names) == card.draws[run]
        assert cfg.randomness.seed == run
        if kind == 'balanced':
            assert (np.bincount(train.labels) == 4).all()


def test_each_draw_is_opened_once(model, load, tmp_path, monkeypatch):
    opened = []

    def counted(**arguments):
        opened.append(repr(arguments))
        return SkeletonDataset(**arguments)

    monkeypatch.setattr(pretrained_model, 'SkeletonDataset', counted)
    protocol, workspace = load('semi20'), Workspace(model, tmp_path)
    protocol.check(model)
    protocol.card(workspace, ('joint',))
    protocol.empty_classes(model)
    assert len(opened) == len(set(opened)) and sum("'draw': 4" in arguments for arguments in opened) == 1


def test_a_class_without_labels_is_stated(model, load, store):
    *remarks, advice = load('semi5').empty_classes(model)
    assert remarks  # three clips, drawn from all
    assert advice == 'Balanced draws have a label of every class: semi5-balanced.'
    for remark in remarks:
        draw = int(remark.split()[1])
        names = read_draw(store.parent / 'draws/small_train_random.txt.gz', 5, draw)
        labels = {int(name.split()[1]) % 3 for name in names}
        missing = [c for number, c in enumerate(['wave', 'sit', 'jump']) if number not in labels]
        assert missing and remark.endswith(f'no label of {len(missing)} classes: {", ".join(missing)}.')
    assert not load('semi20-balanced').empty_classes(model)


def test_draws_that_are_not_there_or_of_other_clips(model, load, tmp_path):
    with pytest.raises(StoreError, match='No label draws at .*none.txt.gz.*make_draws.py'):
        load('semi10', **{'protocol.draws': str(tmp_path / 'none.txt.gz')}).check(model)
    write_draws(tmp_path / 'mine.txt.gz', [f'x{n}' for n in range(20)], [0] * 20, balanced=False)
    with pytest.raises(StoreError, match="'x.*are not in split 'train'"):
        load('semi10', **{'protocol.draws': str(tmp_path / 'mine.txt.gz')}).check(model)
    with pytest.raises(StoreError, match='1 % of the clips .* are none'):
        load('semi1').check(model)


@pytest.mark.parametrize('name', ['semi20', 'semi20-balanced'])
def test_draws_are_made_where_none_are_shipped(model, load, tmp_path, name):
    """They are those that a file would hold."""
    made, read = load(name, **{'protocol.draws': str(tmp_path)}), load(name)
    for run in range(5):
        assert 'path' in read.draw(model, run) and 'path' not in made.draw(model, run)
        one, other = (protocol.config(model, 'joint', run).train_dataloader.dataset for protocol in (made, read))
        assert DATASETS.build(one).names.tolist() == DATASETS.build(other).names.tolist()
    with pytest.raises(StoreError, match='1 % of the 60 training clips are none: take a higher ratio, or balanced'):
        load('semi1', **{'protocol.draws': str(tmp_path)}).check(model)


def test_transfer_replaces_just_the_classifier(checkpoint, load, tmp_path):
    with ClipStore.create(tmp_path / 'other', 'kinect20', list('abcde')) as writer:
        for number in range(20):
            writer.add(f'{number}', number % 5, np.random.default_rng(number).random((1, 10, 20, 3)))
        writer.splits.update(a=range(10), b=range(10, 20))
    sides = dict(
        train_dataloader=dict(dataset=dict(store=str(tmp_path / 'other'), split='a')),
        test_dataloader=dict(dataset=dict(store=str(tmp_path / 'other'), split='b')),
    )
    model, protocol = read_pretrained(checkpoint, data=Config(sides)), load('transfer')
    classifier = MODELS.build(model_config(protocol.config(model, 'bone', 0)))
    head = classifier.head.fc.weight.clone()
    classifier.init_weights()
    before = pretrained(checkpoint, 'bone')
    assert equal(before, classifier.backbone.state_dict()) == before.keys() == classifier.backbone.state_dict().keys()
    assert torch.equal(classifier.head.fc.weight, head) and head.shape == (5, 16)
    assert set(classifier.state_dict()) - {f'backbone.{key}' for key in before} == {'head.fc.weight', 'head.fc.bias'}
    assert protocol.card(Workspace(model, tmp_path), ('bone',)).dataset == 'other'


def test_transfer_needs_other_data(model, load):
    with pytest.raises(ValueError, match="'transfer' needs other data than that of pre-training: pass --data"):
        load('transfer').check(model)


def test_interrupted_runs_go_on(model, load, tmp_path, monkeypatch):
    """Training stops in the second of two runs; afterwards the first is not trained again."""
    options = {'protocol.seeds': [0, 1], 'train_cfg.max_epochs': 1, 'param_scheduler.0.milestones': [5]}
    whole = load('linear', **options).run(Workspace(model, tmp_path / 'whole'), ('joint',))
    trained = []

    train = Runner.train

    def interrupted(self):
        trained.append(self.work_dir[-4:])
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(self)

    monkeypatch.setattr(Runner, 'train', interrupted)
    workspace = Workspace(model, tmp_path / 'parts')
    with pytest.raises(KeyboardInterrupt):
        load('linear', **options).run(workspace, ('joint',))
    result = load('linear', **options).run(workspace, ('joint',))
    assert trained == ['run0', 'run1', 'run1']
    assert result.metrics == whole.metrics and result.confusion == whole.confusion
    assert len(result.metrics['top1'].values) == 2
