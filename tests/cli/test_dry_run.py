import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader
from workshop import make_workshop, run

from mmskelssl.cli.dry_run import SmallBatch, dry_run, reduced, smallest_batch
from mmskelssl.utils.errors import ConfigError


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    return make_workshop(tmp_path_factory.mktemp('workshop'), test=3)


def test_a_good_config_passes_and_leaves_nothing(workshop):
    before = sorted(path.name for path in workshop.rglob('*'))
    output = run('train.py', workshop, 'pretrain.py', '--check', '--cfg-options', 'model.modalities=[joint,bone]')
    assert 'queue_size=40 is more than the 27 training clips' in output
    assert 'loss_bone' in output and 'top1' not in output
    assert '27 clips, 4 iterations per epoch of 8 clips' in output and 'pretrain.py passes.' in output
    assert sorted(path.name for path in workshop.rglob('*') if '__pycache__' not in path.parts) == before


def test_a_bad_config_is_refused_with_everything_that_is_wrong(workshop):
    options = 'train_dataloader.dataset.store=nowhere', 'model.queue_siz=3'
    output = run('train.py', workshop, 'pretrain.py', '--check', 2, '--cfg-options', *options, status=1)
    assert 'Traceback' not in output
    for text in ('No clip store at nowhere', "nearest: 'queue_size'", 'is for a total batch of 8, and this run has 16'):
        assert text in output
    assert 'passes' not in output


def test_what_is_reduced(workshop):
    cfg = Config.fromfile(workshop / 'pretrain.py')
    cfg.merge_from_dict(dict(compile=True, val_evaluator=dict(k=9)))
    cfg.train_dataloader.batch_size = 2
    small, changes = reduced(cfg)
    assert small.train_dataloader == cfg.train_dataloader and small.val_evaluator == cfg.val_evaluator
    assert small.model == cfg.model
    assert changes == ['train_cfg.max_epochs = 1 instead of 2', 'compile = False instead of True']


def test_a_schedule_that_begins_later_takes_no_part(workshop, monkeypatch, capsys):
    monkeypatch.chdir(workshop)
    cfg = Config.fromfile('pretrain.py')
    cfg.train_cfg.max_epochs = 9
    warm_up = dict(type='LinearLR', end=3, convert_to_iter_based=True)
    cfg.param_scheduler = [warm_up, dict(type='CosineAnnealingLR', begin=3, convert_to_iter_based=True)]
    assert reduced(cfg)[0].param_scheduler == [warm_up] and len(cfg.param_scheduler) == 2
    dry_run(cfg, 1)
    assert 'pretrain.py passes.' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('overrides', 'processes', 'says'),
    [
        (dict(val_evaluator=dict(k=28)), 1, 'val_evaluator.k=28 neighbours in a gallery of 27 clips'),
        (dict(train_dataloader=dict(drop_last=True, batch_size=28)), 1, 'an epoch has no batch'),
        (dict(train_dataloader=dict(drop_last=True, batch_size=15)), 2, 'an epoch has no batch'),
        (dict(model=dict(queue_size=31)), 4, 'smaller than a total batch of 32 keys'),
        (dict(val_dataloader=dict(drop_last=True)), 1, 'val_dataloader.drop_last leaves out clips'),
        (
            dict(train_dataloader=dict(sampler=dict(type='InfiniteSampler'))),
            1,
            'train_dataloader.sampler: InfiniteSampler',
        ),
        (dict(default_hooks=dict(checkpoint=dict(save_best='top2', rule='greater'))), 1, "'top2' is not measured"),
        (dict(default_hooks=dict(queue_enqueue=None)), 1, 'default_hooks.queue_enqueue=None'),
    ],
    ids=lambda value: '-'.join(value) if isinstance(value, dict) else '',
)
def test_it_fails_where_the_run_would(workshop, monkeypatch, overrides, processes, says):
    monkeypatch.chdir(workshop)
    cfg = Config.fromfile('pretrain.py')
    cfg.merge_from_dict(overrides)
    cfg.auto_scale_lr = None
    with pytest.raises(ConfigError, match=says):
        dry_run(cfg, processes)


def test_neighbours_are_as_many_as_in_the_run(workshop, monkeypatch, capsys):
    monkeypatch.chdir(workshop)
    cfg = Config.fromfile('pretrain.py')
    cfg.merge_from_dict(dict(val_evaluator=dict(k=27), train_dataloader=dict(num_workers=2)))
    dry_run(cfg, 1)
    assert 'pretrain.py passes.' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('batch_size', 'drop_last', 'size'), [(8, False, 3), (13, False, 1), (13, True, 4), (2, True, 2)]
)
def test_the_training_batch_is_as_small_as_the_last_one(batch_size, drop_last, size):
    loader = DataLoader(range(27), batch_size=batch_size, drop_last=drop_last)
    assert smallest_batch(loader) == size
    assert [len(batch) for batch in SmallBatch(loader, size)] == [size] and len(SmallBatch(loader, size)) == 1
