import importlib
import json
import shlex

import numpy as np
import pytest
from workshop import write_store

from mmskelssl.registry import MODELS
from mmskelssl.utils.config import ConfigError, model_config


@pytest.fixture
def open_data(benchmark):
    """The script as a module; the fixture lets it be imported."""
    return importlib.import_module('open_data')


@pytest.fixture
def open_table(benchmark):
    return importlib.import_module('open_table')


def test_methods_are_found_by_name(open_data):
    names = {method: open_data.find_run(method).stem for method in open_data.METHODS}
    assert (
        names['cmd'] == 'cmd_tcn'
        and names['i2md'] == 'i2md_gcn_transformer'
        and names['redelab@joint'] == 'redelab_tcn'
    )
    assert open_data.find_run('mamp').stem == 'mamp_small'
    with pytest.raises(ConfigError, match="'nobody' names 0 of these, not one: .*barlow_twins_tcn, cmd"):
        open_data.find_run('nobody')


@pytest.fixture
def small_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(tmp_path / 'data' / 'nw_ucla', xview_train=200, xview_test=20)


def test_every_method_has_the_same_budget_and_sizes_that_fit_the_set(open_data, small_set):
    chosen = open_data.SETS['nw_ucla']
    for method in open_data.METHODS:
        run, stream = open_data.find_run(method), method.partition('@')[2]
        cfg = open_data.pretraining_config(run, chosen, 'nw_ucla_xview', 70, 3, stream)
        model = MODELS.build(model_config(cfg))
        model.check_batch(cfg.train_dataloader.batch_size, '')
        # 200 clips are 7 batches of 32.
        assert (cfg.train_cfg.max_epochs, cfg.randomness.seed, cfg.train_dataloader.batch_size) == (10, 3, 32)
        assert (model.layout.name, model.num_persons) == ('kinect20', 1) and cfg.val_dataloader is None
        assert not hasattr(model, 'bank') or model.bank.size == 200
        assert not stream or model.streams == (stream,)
        assert not hasattr(model, 'rounds') or model.rounds == [6, 8]  # 60 and 80 of 100
        assert cfg.model.get('cross_epoch', 5) == 5
        turns = [step for view in _views(cfg) for step in view if step['type'] == 'RandomTurn']
        assert turns and {step['max_angle'] for step in turns} == {60}


def _views(cfg):
    (multi,) = cfg.data_preprocessor.train_pipeline
    return multi.transforms if isinstance(multi.transforms[0], list) else [multi.transforms]


def fake_report(open_table, folder, described, seed, top1, trained='nothing', protocol='knn'):
    place = folder / f'seed{seed}'
    open_table.describe_row(place, *described)
    (place / 'evaluation').mkdir(exist_ok=True)
    result = dict(
        protocol=protocol, modality='joint', metrics=dict(top1=dict(mean=top1, std=None, values=[top1])),
        card=dict(method='', weights='', modalities=[], dataset='', train_split='', test_split='', num_frames=1,
                  train_crop='', test_crop='', trained=trained),
        per_class_accuracy=[], confusion=[],
    )  # fmt: skip
    data = dict(dataset='', store='', train_split='', test_split='', layout={}, classes=[])
    report = dict(
        format='mmskelssl.evaluation_report', version=1, checkpoint='', method='', data=data, results=[result],
        references=[], members=[], cost=dict(parameters=1000, minutes=seed + 1), machine='a machine',
    )  # fmt: skip
    (place / 'evaluation' / 'report.json').write_text(json.dumps(report))


def test_rows_are_over_seeds_and_folds_and_marked_where_they_lie_below(open_table, tmp_path):
    for fold, shift in (('f1', 0), ('f2', 4)):
        folder = tmp_path / 'runs' / fold
        fake_report(open_table, folder / 'raw', ('raw coordinates', '', ''), 0, 70 + shift)
        fake_report(open_table, folder / 'random', ('random encoder', 'TCN', 'joint'), 0, 60 + shift)
        for seed in (0, 1):
            fake_report(open_table, folder / 'a', ('CMD', 'TCN', 'joint'), seed, 64 + shift + 2 * seed)
            fake_report(open_table, folder / 'b', ('I2MD', 'Other', 'joint'), seed, 40 + shift)
    random = 'random encoder', 'TCN', 'joint'
    fake_report(open_table, tmp_path / 'runs' / 'f1' / 'random-trained', random, 0, 90, 'all', 'finetune-augmented')
    table = open_table.OpenTable.read(tmp_path / 'runs', dict(both=('f1', 'f2'), none=('f3',)))
    assert list(table.rows) == ['both'] and table.machines == ['a machine']
    cells = {row.method: table.cell('both', row, 'knn') for row in table.rows['both']}
    # 64, 66, 68, 70; raw is 72, random 62. Nothing is known of the other encoder without training.
    assert list(cells) == ['raw coordinates', 'random encoder', 'supervised', 'CMD', 'I2MD']
    assert cells['CMD'] == f'67.0 ± {np.std([64, 66, 68, 70], ddof=1):.1f} ↓raw'
    assert cells['I2MD'].endswith(' ↓raw') and cells['supervised'] == '–' and '↓' not in cells['random encoder']
    open_table.write_page(table, tmp_path / 'page.md', 70)
    text = (tmp_path / 'page.md').read_text()
    assert '### both' in text and '| CMD | TCN | joint | 1,000 | 1.5 | 67.0 ± 2.6 ↓raw | – | – | – | – | 4 |' in text
    assert '| supervised | TCN | joint | 1,000 | – | – | – | – | 90.0 | – | 1 |' in text
    page = (tmp_path / 'page.html').read_text()
    assert page.count('<svg') == 1 and '<td>67.0 ± 2.6 ↓raw</td>' in page


def test_what_others_wrote_above_the_results_is_kept(open_table, tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# Ours\n\nWords.\n\n## Results\n\nstale numbers\n')
    open_table.write_page(open_table.OpenTable({}, []), page, 10)
    assert page.read_text().startswith('# Ours\n\nWords.\n\n## Results\n\n10 steps') and 'stale' not in page.read_text()


@pytest.mark.slow
def test_a_table_of_one_method(benchmark, small_set, tmp_path):
    arguments = shlex.split('--methods skeletonclr --sets nw_ucla --steps 7 --protocols knn --out table.md --seeds')
    assert benchmark('open_data', *arguments, 0)[0] == 0
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('epoch_*.pth')}
    assert benchmark('open_data', *arguments, 0, 1)[0] == 0  # the first seed is not trained again
    assert len(made) == 1 and all(path.stat().st_mtime_ns == time for path, time in made.items())
    rows = [line.split(' | ') for line in (tmp_path / 'table.md').read_text().splitlines() if line.startswith('| ')]
    (ours,) = [row for row in rows if row[0] == '| SkeletonCLR']
    assert ours[-1] == '2 |' and len(ours[5].split(' ± ')) == 2
    assert {row[0] for row in rows[2:]} == {'| raw coordinates', '| random encoder', '| SkeletonCLR'}
