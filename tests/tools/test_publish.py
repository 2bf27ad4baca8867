"""Published files: what the report says is their card, and what they hold is their name."""

import hashlib
import json

import pytest
from mmengine.config import Config
from workshop import make_workshop, write_checkpoint

from mmskelssl.apis import init_model


@pytest.fixture
def checkpoint(tmp_path, run_tool):
    """A checkpoint of random weights that was evaluated."""
    path = write_checkpoint(tmp_path / 'epoch_2.pth', Config.fromfile(make_workshop(tmp_path) / 'pretrain.py'))
    options = ['--protocols', 'knn', '--no-references', '--store', tmp_path / 'store']
    assert run_tool('evaluate.py', path, *options)[0] == 0
    return path


def test_the_card_is_the_report_and_the_name_has_the_hash(checkpoint, tmp_path, run_tool):
    (tmp_path / 'card.json').write_text(json.dumps(dict(commit='abc', machine='mine')))
    args = checkpoint, tmp_path / 'out', '--card', tmp_path / 'card.json'
    status, out, err = run_tool('model_converters/publish.py', *args)
    assert status == 0, err
    (path,) = (tmp_path / 'out').iterdir()
    assert path.name.endswith(f'-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth') and str(path) in out
    report = json.loads((tmp_path / 'epoch_2.evaluation' / 'report.json').read_text())
    card = init_model(None, path).card
    (result,) = report['results']
    assert card['results'] == {'knn, joint': round(result['metrics']['top1']['mean'], 1)}
    assert (card['commit'], card['machine'], card['method']) == ('abc', 'mine', 'SkeletonCLR')
    assert card['data'] == 'store: train -> test'


def test_a_classifier_has_the_report_that_it_was_trained_for(checkpoint, tmp_path, run_tool):
    folder = tmp_path / 'epoch_2.evaluation' / 'linear' / 'joint' / 'run0'
    folder.mkdir(parents=True)
    classifier = checkpoint.rename(folder / 'epoch_80.pth')
    assert run_tool('model_converters/publish.py', classifier, tmp_path / 'mine.pth')[0] == 0
    assert 'knn, joint' in init_model(None, tmp_path / 'mine.pth').card['results']


def test_a_file_of_the_config_s_name_stays(checkpoint, tmp_path, run_tool):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'pretrain.pth').write_text('mine')
    assert run_tool('model_converters/publish.py', checkpoint, tmp_path / 'out')[0] == 0
    assert (tmp_path / 'out' / 'pretrain.pth').read_text() == 'mine' and len([*(tmp_path / 'out').iterdir()]) == 2


def test_the_report_of_another_checkpoint_is_not_taken(checkpoint, tmp_path, run_tool):
    other = tmp_path / 'epoch_2.evaluation' / 'epoch_1.pth'
    other.write_bytes(checkpoint.read_bytes())
    status, _, err = run_tool('model_converters/publish.py', other, tmp_path / 'mine.pth')
    assert status == 1 and 'epoch_1.pth has no report' in err


def test_without_a_report_or_a_card_nothing_is_published(checkpoint, tmp_path, run_tool):
    alone = checkpoint.rename(tmp_path / 'epoch_1.pth')
    status, _, err = run_tool('model_converters/publish.py', alone, tmp_path / 'mine.pth')
    assert status == 1 and 'epoch_1.pth has no report that says what it reaches' in err
    assert not (tmp_path / 'mine.pth').exists()
