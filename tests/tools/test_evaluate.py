"""The real tools/evaluate.py on a small store."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmskelssl.datasets import ClipStore
from mmskelssl.evaluation.protocols import NearestNeighbours, training
from mmskelssl.evaluation.results import load_report
from mmskelssl.registry import MODELS
from mmskelssl.utils import UserError
from mmskelssl.utils.config import model_config

TOOLS = Path(__file__).parents[2] / 'tools'
EPOCH = ['linear.train_cfg.max_epochs=1', 'linear.param_scheduler.0.milestones=[5]']


def load_tool(name):
    spec = importlib.util.spec_from_file_location(Path(name).stem, TOOLS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*args, tool='evaluate.py'):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, args)])
        return load_tool(tool).main(), *capsys.readouterr()

    return run


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('evaluate')
    random = np.random.default_rng(0)
    with ClipStore.create(folder / 'tiny', 'kinect20', ['a', 'b']) as writer:
        for number in range(24):
            writer.add(f'c{number}', number % 2, random.random((1, 9, 20, 3)) + number % 2)
        writer.splits.update(train=range(16), test=range(16, 24))
    view = [dict(type='CenterCropResize', num_frames=4)]
    train, test = (dict(type='SkeletonDataset', store=str(folder / 'tiny'), split=s) for s in ('train', 'test'))
    cfg = Config(
        dict(
            model=dict(
                type='SkeletonCLR',
                backbone=dict(type='BiGRU', hidden_channels=4),
                neck=dict(type='ProjectionNeck'),
                modalities=['joint', 'motion'],
                layout='kinect20',
                num_persons=1,
                queue_size=8,
            ),
            data_preprocessor=dict(type='SkeletonDataPreprocessor', train_pipeline=view, test_pipeline=view),
            train_dataloader=dict(num_workers=0, persistent_workers=False, dataset=train),
            test_dataloader=dict(dataset=test),
        )
    )
    meta = dict(cfg=cfg.pretty_text, epoch=1, experiment_name='tiny_20260101_000000')
    cfg.dump(folder / 'pretrain.py')
    state = MODELS.build(model_config(cfg)).state_dict()
    torch.save(dict(state_dict=state, meta=meta), folder / 'epoch_1.pth')
    log = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    rows = [
        dict(loss=3.0, epoch=1, iter=1, step=1),
        dict(loss=2.0, epoch=1, iter=2, step=2),
        dict(loss=float('nan'), epoch=1, iter=3, step=3),
        {'knn/x': 50.0, 'step': 1},
    ]
    log.write_text('\n'.join(map(json.dumps, rows)))
    return folder / 'epoch_1.pth'


def test_report_of_several_protocols_and_a_second_time(run, checkpoint, tmp_path, monkeypatch):
    args = [checkpoint, '--work-dir', tmp_path, '--protocols', 'knn', 'linear-2s', '--cfg-options', *EPOCH]
    status, out, err = run(*args)
    assert status == 0, err
    report = load_report(tmp_path)
    assert [(r.protocol, r.modality) for r in report.results] == [
        *(('knn', m) for m in ('joint', 'motion')),
        *(('linear', m) for m in ('joint', 'motion')),
        ('linear-2s', 'joint+motion'),
    ]
    assert (report.config, report.method, report.epoch) == ('tiny', 'SkeletonCLR', 1)
    assert report.data.classes == ['a', 'b'] and report.data.layout['name'] == 'kinect20'
    assert report.curves == {'loss': [[1, 2.5]], 'knn/x': [[1, 50.0]]}
    assert all((tmp_path / f'report.{kind}').stat().st_size > 500 for kind in ('md', 'html'))
    for result in report.results:
        assert f'| {result.protocol} | {result.modality} | {result.metrics["top1"]} ' in out
        assert all((tmp_path / path).exists() for path in result.files.values())
        in_words = (tmp_path / 'report.md').read_text(encoding='utf-8')
        assert f'| {result.protocol} | {result.modality} | {result.metrics["top1"]} ' in in_words
    assert f'report: {tmp_path}/report.html' in out
    (drawn,) = re.findall(r'id="data">(.*?)</script>', (tmp_path / 'report.html').read_text(encoding='utf-8'))
    drawn = json.loads(drawn)
    assert [figure['name'] for figure in drawn['embeddings']] == ['joint', 'motion']
    assert len(drawn['outcomes']) == 5 and drawn['clips'] and not drawn['missing']
    (tmp_path / 'linear-2s' / 'joint+motion' / 'result.json').unlink()  # as if it had stopped before the last

    monkeypatch.setattr(training, 'Runner', None)
    assert run(*args)[0] == 0
    again = load_report(tmp_path)
    assert [r.metrics for r in again.results] == [r.metrics for r in report.results]
    assert again.results[:4] == report.results[:4]


def test_a_folder_of_another_measurement_is_not_mixed(run, checkpoint, tmp_path):
    assert run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn')[0] == 0
    before = (tmp_path / 'report.json').read_bytes()
    status, _, err = run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn', '--cfg-options', 'knn.protocol.k=3')
    assert status == 1
    assert f'{tmp_path}/knn/joint holds a measurement that differs in k: choose another --work-dir' in err
    assert (tmp_path / 'report.json').read_bytes() == before


def test_a_report_covers_all_commands_on_a_folder(run, checkpoint, tmp_path):
    own = tmp_path / 'knn3.py'
    own.write_text("protocol = dict(type='NearestNeighbours', k=3)")
    for protocols in (['knn'], ['knn-2s', 'linear-fast', 'linear-fast-2s'], [own]):
        assert run(checkpoint, '--work-dir', tmp_path, '--protocols', *protocols)[0] == 0
    report = load_report(tmp_path)
    alone = [(protocol, modality) for protocol in ('knn', 'linear-fast', 'knn3') for modality in ('joint', 'motion')]
    both = [(f'{protocol}-2s', 'joint+motion') for protocol in ('knn', 'linear-fast')]
    assert sorted((r.protocol, r.modality) for r in report.results) == sorted([*alone, *both])
    assert [(r.protocol, r.card.k) for r in report.results][-2:] == [('knn3', 3)] * 2
    commands = report.command.split(' && ')
    assert len(commands) == 3 and 'knn3' in commands[-1]
    # The same checkpoint's name with other weights.
    card = tmp_path / 'knn-2s' / 'joint+motion' / 'result.json'
    card.write_text(card.read_text().replace(report.results[0].card.weights, 64 * '0'))
    status, _, err = run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn')
    assert status == 1 and 'holds knn-2s of joint+motion with other weights or data' in err


def test_what_failed_before_it_measured_is_no_measurement(run, checkpoint, tmp_path, monkeypatch):
    def fail(*args):
        raise UserError('not today')

    args = checkpoint, '--work-dir', tmp_path, '--protocols', 'knn', '--cfg-options'
    with monkeypatch.context() as patch:
        patch.setattr(NearestNeighbours, 'measure', fail)
        assert run(*args, 'knn.protocol.k=2')[0] == 1
    assert run(*args, 'knn.protocol.k=3')[0] == 0


def test_an_interrupted_evaluation_says_how_to_go_on(run, checkpoint, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(NearestNeighbours, 'measure', interrupt)
    status, _, err = run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn')
    assert status == 130 and err == 'Stopped. What is finished is kept: run the same command again to continue.\n'


def test_references_are_evaluated_like_a_checkpoint(run, checkpoint, tmp_path):
    config = checkpoint.with_name('pretrain.py')
    reports = {}
    for name, args in dict(raw=['raw'], seed0=['random'], seed1=['random', '--seed', 1]).items():
        args = [*args, '--config', config, '--work-dir', tmp_path / name, '--protocols', 'knn', 'linear-fast']
        status, out, err = run(*args)
        assert status == 0, err
        reports[name] = load_report(tmp_path / name)
    assert [(r.protocol, r.modality) for r in reports['raw'].results] == [('knn', 'joint'), ('linear-fast', 'joint')]
    assert [r.modality for r in reports['seed0'].results] == ['joint', 'motion'] * 2
    methods = [report.method for report in reports.values()]
    assert methods == ['raw coordinates', 'random encoder, seed 0', 'random encoder, seed 1']
    assert not any(report.references for report in reports.values())
    cards = [report.results[0].card for report in reports.values()]
    assert cards[0].unlike(cards[1]) == [] and len({card.weights for card in cards}) == 3
    # The views, flattened: coordinates of the second class are higher by one.
    raw = np.load(tmp_path / 'raw' / reports['raw'].results[0].files['test_features'])
    assert raw['features'].shape == (8, 4 * 20 * 3)
    np.testing.assert_allclose(raw['features'].mean(1), 0.5 + raw['labels'], atol=0.2)
    status, out, _ = run(*(tmp_path / name for name in reports), tool='analysis_tools/compare_results.py')
    assert status == 0 and '| raw coordinates | joint | tiny |' in out and 'not comparable' not in out
    # Again: the same weights, nothing is measured anew.
    assert run('random', '--config', config, '--work-dir', tmp_path / 'seed0', '--protocols', 'knn')[0] == 0
    args = ['random', '--config', config, '--seed', 2, '--work-dir', tmp_path / 'seed0', '--protocols', 'knn']
    status, _, err = run(*args)
    assert status == 1 and 'with other weights or data' in err


def test_references_stand_beside_a_checkpoint_unless_they_are_not_wanted(run, checkpoint, tmp_path):
    args = checkpoint, '--seed', 3, '--modalities', 'joint', '--protocols', 'knn', 'linear', '--cfg-options', *EPOCH
    status, out, err = run(*args, '--work-dir', tmp_path / 'with')
    assert status == 0, err
    report = load_report(tmp_path / 'with')
    rows = [(r.protocol, r.card.method, r.modality) for r in report.references if r.protocol != 'knn-centred']
    kinds = ['random encoder, seed 3', 'raw coordinates', 'raw coordinates, CenterClip']
    assert rows == [(protocol, kind, 'joint') for kind in kinds for protocol in ('knn', 'linear-fast')]
    names = [line.split(' | ')[:2] for line in out.splitlines() if line.startswith('| ')][2:]
    names = [name for name in names if name[0] != '| knn-centred']
    knn, fast = (
        [[f'| {p}', kinds[0] + ': joint'], *([f'| {p}', kind] for kind in kinds[1:])] for p in ('knn', 'linear-fast')
    )
    assert names == [['| knn', 'joint'], *knn, ['| linear', 'joint'], *fast]
    # The same rows as those references have alone.
    run('random', '--seed', 3, '--config', checkpoint.with_name('pretrain.py'), '--work-dir', tmp_path / 'alone',
        '--protocols', 'knn')  # fmt: skip
    alone = load_report(tmp_path / 'alone').result('knn', 'joint')
    assert (alone.metrics, alone.card.weights) == (report.references[0].metrics, report.references[0].card.weights)
    assert run(*args, '--work-dir', tmp_path / 'without', '--no-references')[0] == 0
    assert load_report(tmp_path / 'without').references == []
    assert not (tmp_path / 'without' / 'references').exists()


def test_fuse_predictions(run, checkpoint, tmp_path):
    run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn')
    files = [tmp_path / 'knn' / modality / 'predictions.npz' for modality in ('joint', 'motion')]
    tool = 'analysis_tools/fuse_predictions.py'
    status, out, _ = run(*files, '--out', tmp_path / 'fused.npz', tool=tool)
    assert status == 0 and 'fused: top-1' in out
    parts = [np.load(path)['scores'] for path in [*files, tmp_path / 'fused.npz']]
    np.testing.assert_allclose(parts[2], (parts[0] + parts[1]) / 2)
    assert run(*files, '--weights', 1, tool=tool)[0] == 1


@pytest.mark.parametrize('reference', ['raw', 'random'])
def test_references_need_a_config(run, tmp_path, reference):
    status, _, err = run(reference, '--work-dir', tmp_path / 'work')
    assert status == 1 and f"'{reference}' needs --config CONFIG" in err


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['--protocols', 'liner'], "There is no protocol 'liner'. Known: 2s, 3s"),
        (['--protocols', 'linear-3s'], "'linear-3s' fuses joint, motion, bone"),
        (['--protocols', 'transfer'], "'transfer' needs other data"),
        (['--protocols', 'semi5'], '5 % of the 16 training clips are none: take a higher ratio, or balanced'),
        (['--data', 'kinetics'], "there is no 'kinetics'. Known: .*ntu60_xsub"),
        (['--modalities', 'bone'], 'has no bone. It has joint, motion'),
        (['--store', 'nowhere'], 'No clip store at nowhere'),
        (['--cfg-options', 'lineer.x=1'], r"\['lineer'\] are none of the protocols"),
        (['--protocols', 'knn20'], "'knn20' asks for 20 neighbours of 16 training clips"),
        (['--cfg-options', 'knn.protocol.k=0'], "'knn' asks for 0 neighbours of 16 training clips"),
        (['--cfg-options', 'linear.train_cfg.max_epoch=1'], "nearest: 'max_epochs'"),
        (['--config', 'nothing.py'], 'There is no config nothing.py'),
    ],
)
def test_mistakes_are_one_line(run, checkpoint, tmp_path, args, message):
    status, _, err = run(checkpoint, '--work-dir', tmp_path / 'work', *args)
    assert status == 1 and re.search(message, err)
    assert err.count('\n') == 1 and not (tmp_path / 'work' / 'report.json').exists()


def test_a_full_disk_is_said_and_nothing_lost(run, checkpoint, tmp_path, monkeypatch):
    assert run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn', '--modalities', 'joint')[0] == 0
    before = load_report(tmp_path)

    def fill(file, **arrays):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(np, 'savez', fill)
        status, _, err = run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn')
    assert status == 1 and 'No space left on device' in err and 'is kept: free space' in err
    assert load_report(tmp_path).results == before.results
    assert run(checkpoint, '--work-dir', tmp_path, '--protocols', 'knn')[0] == 0
    assert load_report(tmp_path).results[0] == before.results[0] and len(load_report(tmp_path).results) == 2
