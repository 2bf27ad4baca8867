import sys

import numpy as np
import pytest

from mmskelssl.converters.ntu import clip_name, write_skeleton_file

PEER = """
import numpy as np
from mmskelssl.converters.ntu import read_skeleton_file
from mmskelssl.datasets.transforms import pre_normalize
def read_xyz(file, max_body, num_joint):
    clip = read_skeleton_file(file)
    return np.concatenate([clip, np.zeros((2 - len(clip), *clip.shape[1:]))]).transpose(3, 1, 2, 0)
def pre_normalization(data):
    print('chatter')
    for clip in data:
        clip[:] = pre_normalize(clip.transpose(3, 1, 2, 0), 'ntu25').transpose(3, 1, 2, 0) + 0.25
    return data
"""


@pytest.mark.slow
def test_toolbox_and_peer_take_turns_and_are_compared(benchmark, tmp_path, monkeypatch):
    for number in range(6):
        clip = np.random.default_rng(number).normal((0, 0, 3), 0.5, (1 + number % 2, 5 + number, 25, 3))
        write_skeleton_file(tmp_path / 'raw' / f'{clip_name(1, 1, 1, 1, 1 + number)}.skeleton', clip)
    (tmp_path / 'CMD' / 'data_gen').mkdir(parents=True)
    (tmp_path / 'CMD' / 'data_gen' / '__init__.py').touch()
    (tmp_path / 'CMD' / 'data_gen' / 'ntu_gendata.py').write_text(PEER)
    for name in ('data_gen', 'data_gen.ntu_gendata'):
        monkeypatch.setitem(sys.modules, name, None)  # removed again after the test
        del sys.modules[name]
    options = '--raw', tmp_path / 'raw', '--repeats', 2, '--workers', 1, '--peer', tmp_path / 'CMD'
    status, out, _ = benchmark('conversion', *options)
    assert status == 0 and 'chatter' not in out
    for name in ('toolbox: both', 'CMD: read', 'CMD: both', 'read in 1 process(es)', 'ntu.py --workers 1'):
        assert f'\n{name}' in out
    assert 'largest difference of a normalized coordinate to CMD: 2.5e-01' in out
