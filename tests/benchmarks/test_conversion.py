import importlib.util
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mmskelssl.converters.ntu import clip_name, read_skeleton_file, write_skeleton_file

TOOL = Path(__file__).parents[2] / 'benchmarks' / 'conversion.py'
STAGES = ['read', 'normalize', 'both']
GENDATA = """
import numpy as np
from tqdm import tqdm
from data_gen.preprocess import pre_normalization
from mmskelssl.converters.ntu import read_skeleton_file
def read_xyz(file, max_body, num_joint):
    assert (max_body, num_joint) == (4, 25)
    print('chatter')
    clip = np.zeros((2, *read_skeleton_file(file).shape[1:]))
    clip[:len(read_skeleton_file(file))] = read_skeleton_file(file)
    return clip.transpose(3, 1, 2, 0)
"""
PREPROCESS = """
import sys
sys.path.extend(['../'])
from mmskelssl.datasets.transforms import pre_normalize
def pre_normalization(data):
    for clip in data:
        clip[:] = pre_normalize(clip.transpose(3, 1, 2, 0), 'ntu25').transpose(3, 1, 2, 0) + OFFSET
    return data
"""


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('benchmark_conversion', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    yield module
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp('raw')
    for number in range(20):
        clip = np.random.default_rng(number).normal((0, 0, 3), 0.5, (1 + number % 2, 5 + number, 25, 3))
        write_skeleton_file(folder / f'{clip_name(1, 1, 1, 1, 1 + number)}.skeleton', clip)
    return folder


@pytest.fixture
def benchmark(tool, raw, monkeypatch, capsys):
    # The command is run once, in the test of everything.
    monkeypatch.setattr(tool, 'run_converter', lambda *args: dict(seconds=1, peak_bytes=2e6))

    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['benchmark_conversion.py', '--raw', str(raw), *map(str, args)])
        return tool.main(), *capsys.readouterr()

    return run


def make_peer(tmp_path, monkeypatch, offset):
    for name in ('data_gen', 'data_gen.preprocess', 'data_gen.ntu_gendata'):
        # Registered for removal after the test.
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    folder = tmp_path / 'CMD' / 'data_gen'
    folder.mkdir(parents=True)
    (folder / '__init__.py').touch()
    (folder / 'ntu_gendata.py').write_text(GENDATA)
    (folder / 'preprocess.py').write_text(PREPROCESS.replace('OFFSET', str(offset)))
    return folder.parent


def test_measures_and_reports(benchmark, tmp_path):
    status, out, _ = benchmark('--rounds', 3, '--json', tmp_path / 'new' / 'out.json')
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ['clips/s', *STAGES, 'read', 'read', 'ntu.py', 'ntu.py']
    result = json.loads((tmp_path / 'new' / 'out.json').read_text())
    summary, measured = result['summary'], result['measured']
    assert result['num_clips'] == 20 and result['options']['rounds'] == 3
    for stage in STAGES:
        rates = measured['rates'][stage]['toolbox']
        assert len(rates) == 3 and min(rates) > 0
        assert summary['clips_per_s'][stage] == dict(toolbox=statistics.median(rates))
        assert summary['ratio'][stage] == dict(toolbox=1)
    for read, normalize, both in zip(*(measured['rates'][stage]['toolbox'] for stage in STAGES), strict=True):
        assert 1 / both == pytest.approx(1 / read + 1 / normalize)
    assert set(summary['processes']) == {'1', '2'} and summary['process_ratio']['1'] == 1
    assert summary['free_cores_ratio']['1'] == 1 and summary['free_cores_ratio']['2'] > 0
    assert summary['largest_difference'] is None


@pytest.mark.parametrize('offset', [0, 0.25])
def test_peer_takes_part_and_is_compared(benchmark, tmp_path, monkeypatch, offset):
    paths = list(sys.path)
    peer = make_peer(tmp_path, monkeypatch, offset)
    status, out, _ = benchmark('--rounds', 2, '--peer', peer, '--json', tmp_path / 'out.json')
    assert status == 0 and 'chatter' not in out
    assert [line.split()[:2] for line in out.splitlines()[1:7]] == [[s, n] for s in STAGES for n in ('toolbox', 'CMD')]
    assert json.loads((tmp_path / 'out.json').read_text())['summary']['largest_difference'] == pytest.approx(offset)
    assert sys.path == paths


def test_synthetic_clips_are_written(tool, tmp_path):
    tool.write_raw(tmp_path, 20, seed=0)
    assert len(list(tmp_path.glob('S001*.skeleton'))) == 20


def test_every_file_is_in_one_round(tool):
    files = [Path(str(number)) for number in range(11)]
    parts = list(tool.rounds(files, 4))
    assert sorted(sum(parts, [])) == sorted(files) and {len(part) for part in parts} == {2, 3}


def test_programs_hold_the_same_clips(tool, raw, tmp_path, monkeypatch):
    programs = [tool.Toolbox(), tool.CMD(make_peer(tmp_path, monkeypatch, 0))]
    files = sorted(raw.iterdir())
    for index, file in enumerate(files):
        expected = read_skeleton_file(file)
        for program in programs:
            dense = program.dense(program.read(files), index, expected.shape[1])
            np.testing.assert_array_equal(dense[: len(expected)], expected)
            assert not dense[len(expected) :].any()


@pytest.mark.slow
def test_memory_of_the_command(tool, raw, tmp_path):
    measured = tool.run_converter(raw, tmp_path / 'store', 2)
    assert measured['seconds'] > 0 and 50e6 < measured['peak_bytes'] < 1.5e9
    with pytest.raises(tool.StoreError, match='The converter failed: error: .*store exists already'):
        tool.run_converter(raw, tmp_path / 'store', 1)


def test_peer_that_is_none_is_an_error(benchmark, tmp_path):
    status, out, err = benchmark('--peer', tmp_path)
    assert status == 1 and out == ''
    assert err.startswith(f'error: {tmp_path} is not a checkout of the program') and err.count('\n') == 1
