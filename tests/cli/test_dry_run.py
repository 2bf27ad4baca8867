import pytest
from mmengine.config import Config
from workshop import make_workshop, run

from mmskelssl.cli.dry_run import reduced


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    return make_workshop(tmp_path_factory.mktemp('workshop'), test=3)


def test_a_good_config_passes_and_leaves_nothing(workshop):
    before = sorted(path.name for path in workshop.rglob('*'))
    output = run('train.py', workshop, 'pretrain.py', '--check', '--cfg-options', 'model.modalities=[joint,bone]')
    assert 'train_dataloader.batch_size = 4 instead of 8' in output
    assert 'queue_size' not in output
    assert 'loss_bone' in output and 'knn/joint_top1' in output
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
    assert small.train_dataloader.batch_size == 2 and small.val_evaluator.k == 4
    assert small.model == cfg.model
    assert changes == [
        'val_evaluator.k = 4 instead of 9',
        'train_cfg.max_epochs = 1 instead of 2',
        'compile = False instead of True',
    ]
