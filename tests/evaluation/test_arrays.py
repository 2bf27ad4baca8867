import numpy as np
import pytest

from mmskelssl.evaluation.arrays import load_arrays, save_arrays
from mmskelssl.utils.errors import ReportError


def test_arrays_come_back(tmp_path):
    arrays = dict(names=np.array(['a', 'größer']), scores=np.random.default_rng(0).random((2, 3)))
    save_arrays(tmp_path / 'x.npz', **arrays)
    loaded = load_arrays(tmp_path / 'x.npz', 'names')
    assert loaded.keys() == arrays.keys()
    assert all((loaded[name] == value).all() for name, value in arrays.items())


def test_bad_files_are_refused_by_name(tmp_path):
    path = tmp_path / 'x.npz'
    with pytest.raises(ReportError, match='x.npz is missing'):
        load_arrays(path)
    save_arrays(path, names=np.arange(3))
    with pytest.raises(ReportError, match=r"x.npz lacks \['labels'\]"):
        load_arrays(path, 'names', 'labels')
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ReportError, match='x.npz is damaged'):
        load_arrays(path)
    np.savez(path, names=np.array([{}]))
    with pytest.raises(ReportError, match='x.npz is damaged'):
        load_arrays(path)
