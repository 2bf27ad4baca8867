import importlib.util
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

TOOL = Path(__file__).parents[2] / 'tools' / 'analysis_tools' / 'analyze_logs.py'
TRAINING = [
    {'lr': 0.1, 'loss': 5.0, 'loss_joint': 3.0, 'epoch': 1, 'iter': 10, 'step': 10, 'time': 0.2, 'memory': 100},
    {'lr': 0.1, 'loss': 2.0, 'loss_joint': 1.0, 'epoch': 1, 'iter': 20, 'step': 20, 'time': 0.2, 'memory': 100},
    {'lr': 0.01, 'loss': 2.5, 'loss_joint': 1.5, 'epoch': 2, 'iter': 30, 'step': 30, 'time': 0.2, 'memory': 100},
]
VALIDATION = [
    {'knn/joint_top1': 40.0, 'data_time': 0.1, 'time': 0.3, 'step': 1},
    {'knn/joint_top1': 62.5, 'data_time': 0.1, 'time': 0.3, 'step': 2},
    {'knn/joint_top1': 60.0, 'data_time': 0.1, 'time': 0.3, 'step': 3},
]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('analyze_logs', TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def analyze(tool, monkeypatch, capsys):
    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['analyze_logs.py', *map(str, args)])
        status = tool.main()
        return status, *capsys.readouterr()

    return run


def write_log(path: Path, rows=(*TRAINING, *VALIDATION), tail: str = '') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows) + tail)
    return path


def cells(table: str) -> dict[str, list[str]]:
    """The last four columns of each line of a table, by key."""
    lines = [line.split() for line in table.splitlines() if line.split()[-1] not in ('step',) and 'picture' not in line]
    return {line[-5]: line[-4:] for line in lines}


def test_table_names_first_best_and_last(analyze, tmp_path):
    status, out, err = analyze(write_log(tmp_path / 'scalars.json'))
    assert (status, err) == (0, '')
    assert cells(out) == {
        'lr': ['0.1', '-', '0.01', '30'],
        'loss': ['5', '2', '2.5', '30'],
        'loss_joint': ['3', '1', '1.5', '30'],
        'knn/joint_top1': ['40', '62.5', '60', '3'],
    }


def test_pictures_are_drawn(analyze, tmp_path):
    status, out, _ = analyze(write_log(tmp_path / 'scalars.json'), '--out', tmp_path / 'new')
    assert status == 0
    assert {file.name for file in (tmp_path / 'new').iterdir()} == {'losses.png', 'metrics.png'}
    for name in ('losses.png', 'metrics.png'):
        assert f'picture: {tmp_path / "new" / name}' in out
        with Image.open(tmp_path / 'new' / name) as image:
            assert image.size == (1200, 720)


def test_pictures_hold_losses_and_metrics(analyze, tool, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(tool, 'plot_curves', lambda *args: drawn.append(args))
    monkeypatch.setattr(tool, 'save_figure', lambda *args: None)
    analyze(write_log(tmp_path / 'a' / 'scalars.json'), write_log(tmp_path / 'b' / 'scalars.json', TRAINING))
    (losses, _, _, x), (metrics, _, ylabel, metrics_x) = drawn
    assert list(losses) == ['a loss', 'a loss_joint', 'b loss', 'b loss_joint']
    assert losses['a loss'] == ([10, 20, 30], [5.0, 2.0, 2.5])
    assert metrics == {'a knn/joint_top1': ([1, 2, 3], [40.0, 62.5, 60.0])}
    assert (x, metrics_x, ylabel) == ('iteration', 'epoch', 'knn/joint_top1')


def test_several_logs_have_names(analyze, tmp_path):
    logs = [write_log(tmp_path / name / '2025' / 'vis_data' / 'scalars.json') for name in ('cmd', 'i2md')]
    _, out, _ = analyze(*logs, '--keys', 'loss')
    assert [line.split()[:3] for line in out.splitlines()[1:3]] == [
        ['cmd', 'training', 'loss'],
        ['i2md', 'training', 'loss'],
    ]


def test_one_log_has_no_name(analyze, tmp_path):
    _, out, _ = analyze(write_log(tmp_path / 'scalars.json'), '--keys', 'loss')
    assert out.split()[:2] == ['rows', 'of']


def test_work_dir_stands_for_its_newest_run(analyze, tmp_path):
    write_log(tmp_path / '20250101_000000' / 'vis_data' / 'scalars.json', [dict(TRAINING[0], loss=100.0)])
    newest = write_log(tmp_path / '20250301_000000' / 'vis_data' / 'scalars.json')
    write_log(tmp_path / '20250201_000000' / 'vis_data' / 'scalars.json', [dict(TRAINING[0], loss=200.0)])
    status, out, _ = analyze(tmp_path)
    assert status == 0
    assert cells(out)['loss'][0] == '5'
    assert (newest.parent / 'losses.png').exists()


def test_keys_may_be_patterns_and_upkeep(analyze, tmp_path):
    _, out, _ = analyze(write_log(tmp_path / 'scalars.json'), '--keys', 'knn/*', 'memory')
    assert cells(out) == {'memory': ['100', '-', '100', '30'], 'knn/joint_top1': ['40', '62.5', '60', '3']}


def test_half_written_last_line_is_left_out_with_a_warning(analyze, tmp_path):
    log = write_log(tmp_path / 'scalars.json', tail='{"loss": 0.5, "st')
    status, out, err = analyze(log)
    assert status == 0
    assert err == f'warning: {log}: the last line is cut off and left out.\n'
    assert cells(out)['loss'] == ['5', '2', '2.5', '30']


def test_broken_line_in_the_middle_is_an_error(analyze, tmp_path):
    log = write_log(tmp_path / 'scalars.json', tail='{"loss": 0.5, "st\n' + json.dumps(TRAINING[0]) + '\n')
    status, out, err = analyze(log)
    assert (status, out) == (1, '')
    assert err.startswith(f'error: {log}, line 7, is not a JSON object')


def test_nan_is_never_the_best(analyze, tmp_path):
    rows = [dict(TRAINING[0], loss=float('nan')), *TRAINING[1:]]
    _, out, _ = analyze(write_log(tmp_path / 'scalars.json', rows))
    assert cells(out)['loss'] == ['nan', '2', '2.5', '30']


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'cannot be read'),
        ('', 'is empty'),
        ('2025/01/01 - mmengine - INFO\n', 'line 1, is not a JSON object'),
        ('3\n', 'line 1, is not a JSON object'),
    ],
)
def test_unusable_logs_are_named(analyze, tmp_path, content, message):
    log = tmp_path / 'scalars.json'
    if content is not None:
        log.write_text(content)
    status, _, err = analyze(log)
    assert status == 1
    assert err.startswith('error: ') and str(log) in err and message in err


def test_folder_without_a_run_is_an_error(analyze, tmp_path):
    status, _, err = analyze(tmp_path)
    assert status == 1
    assert err.startswith(f'error: {tmp_path} holds no run')


def test_unknown_key_is_an_error_that_lists_the_keys(analyze, tmp_path):
    log = write_log(tmp_path / 'scalars.json')
    status, out, err = analyze(log, '--keys', 'accuracy')
    assert (status, out) == (1, '')
    assert f"No key 'accuracy' in {log}" in err
    assert 'knn/joint_top1, loss, loss_joint, lr' in err
    assert not list(tmp_path.glob('*.png'))
