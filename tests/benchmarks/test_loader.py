import importlib.util
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

TOOL = Path(__file__).parents[2] / 'benchmarks' / 'loader.py'
TINY = ['--num-clips', 6, '--batch-size', 3, '--batches', 2, '--repeats', 3]
PEER = """
from torchvision import transforms
import numpy as np
from feeder import augmentations
class Feeder:
    def __init__(self, data_path, num_frame_path, l_ratio, input_size, input_representation):
        print('chatter')
        self.data, self.num_frames = np.load(data_path, mmap_mode='r'), np.load(num_frame_path)
        assert self.data.shape == (6, 3, 300, 25, 2) and (l_ratio, input_size) == ([0.1, 1.0], 64)
    def __getitem__(self, index):
        total = self.num_frames[index]
        assert self.data[index][:, total - 1].any() and not self.data[index][:, total:].any()
        assert augmentations.half(total) == total // 2
        return np.zeros((64, 150), 'float32'), np.zeros((64, 150), 'float32')
"""
AUGMENTATIONS = """
import numpy as np
def half(number):
    return int(np.floor(number * (np.random.rand(1) * 0 + 0.5)))
"""


def is_stubbed():
    return 'torchvision' in sys.modules and not hasattr(sys.modules['torchvision'], '__version__')


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('benchmark_dataloader', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    yield module
    torch.set_num_threads(threads)


@pytest.fixture
def benchmark(tool, monkeypatch, capsys):
    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['benchmark_dataloader.py', *map(str, args)])
        return tool.main(), *capsys.readouterr()

    return run


@pytest.fixture
def peer(tmp_path, monkeypatch):
    for name in ('feeder', 'feeder.augmentations', 'feeder.feeder_pretraining_intra'):
        # Registered for removal after the test.
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    folder = tmp_path / 'CMD' / 'feeder'
    folder.mkdir(parents=True)
    (folder / '__init__.py').touch()
    (folder / 'feeder_pretraining_intra.py').write_text(PEER)
    (folder / 'augmentations.py').write_text(AUGMENTATIONS)
    return folder.parent


def test_measures_and_reports(benchmark, tmp_path):
    status, out, _ = benchmark(*TINY, '--json', tmp_path / 'new' / 'out.json')
    assert status == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ['clips/s', 'toolbox', 'numpy', 'memory']
    result = json.loads((tmp_path / 'new' / 'out.json').read_text())
    summary, measured = result['summary'], result['measured']
    assert set(measured['rates']) == set(summary['clips_per_s']) == {'toolbox', 'numpy'}
    for name, rates in measured['rates'].items():
        assert len(rates) == 3 and min(rates) > 0
        assert summary['clips_per_s'][name] == statistics.median(rates)
        assert summary['spread'][name] == [min(rates), max(rates)]
    rates = summary['clips_per_s']
    assert summary['ratio'] == {'toolbox': 1, 'numpy': pytest.approx(rates['toolbox'] / rates['numpy'])}
    assert len(measured['bandwidth']) == 3
    assert summary['bandwidth_bytes_per_s'] == statistics.median(measured['bandwidth'])
    # 2 views of 64 frames of 2 persons, 3 rows of 25 joints of 3 floats each.
    assert summary['bytes_per_clip'] == 2 * 64 * 2 * 3 * 25 * 3 * 4
    assert summary['floor_clips_per_s'] == pytest.approx(summary['bandwidth_bytes_per_s'] / 230_400)
    assert summary['share_of_floor'] == pytest.approx(rates['toolbox'] / summary['floor_clips_per_s'])
    assert result['options']['batch_size'] == 3 and result['options']['json'].endswith('out.json')
    assert result['machine']['torch'] == torch.__version__


def test_all_loaders_make_the_same_kind_of_batch(tool, tmp_path):
    store = tool.write_store(tmp_path / 'store', 6, 0)
    assert set(store.num_persons) == {2} and 40 <= store.num_frames.min() <= store.num_frames.max() <= 200
    views = tool.toolbox_loader(store, 0)([2, 0, 5])['inputs']
    assert [view.shape for view in views] == [(3, 2, 64, 25, 3)] * 2
    plain = tool.numpy_loader(store, 0)([2, 0, 5])
    assert [view.shape for view in plain] == [(3, 2, 64, 25, 3)] * 2
    assert all(view.dtype == torch.float32 for view in (*views, *plain))


def test_peer_takes_part(benchmark, peer, tmp_path):
    status, out, _ = benchmark(*TINY, '--peer', peer, '--json', tmp_path / 'out.json')
    assert status == 0 and 'chatter' not in out
    assert [line.split()[0] for line in out.splitlines()] == ['clips/s', 'toolbox', 'numpy', 'peer', 'memory']
    assert len(json.loads((tmp_path / 'out.json').read_text())['measured']['rates']['peer']) == 3
    assert str(peer) not in sys.path and not is_stubbed()
    assert int(np.floor(3.7)) == 3 and isinstance(np.floor(np.ones(2)), np.ndarray)  # NumPy itself is as it was


def test_peer_that_is_none_is_an_error(benchmark, tmp_path):
    status, out, err = benchmark(*TINY, '--peer', tmp_path)
    assert status == 1 and out == ''
    assert err.startswith(f'error: {tmp_path} is not a checkout of the program') and err.count('\n') == 1
    assert not is_stubbed()


@pytest.mark.parametrize('flags', [['--batch-size', 7], ['--repeats', 0], ['--batches', 'x']])
def test_options_that_make_no_sense(benchmark, capsys, flags):
    with pytest.raises(SystemExit) as exit:
        benchmark('--num-clips', 6, *flags)
    assert exit.value.code == 2 and flags[0] in capsys.readouterr().err
