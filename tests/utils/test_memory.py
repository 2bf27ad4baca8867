import ctypes

import pytest

from mmskelssl.utils.memory import keep_freed_memory


def test_thresholds_are_raised_once(monkeypatch):
    calls = []

    class Library:
        mallopt = staticmethod(lambda *args: calls.append(args))

    monkeypatch.setattr(ctypes, 'CDLL', lambda name: Library)
    keep_freed_memory.cache_clear()
    keep_freed_memory()
    keep_freed_memory()
    assert calls == [(-3, 2**25), (-1, 2**30)]


@pytest.mark.parametrize('error', [OSError, TypeError, AttributeError])
def test_other_libraries_are_left_alone(monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(ctypes, 'CDLL', refuse)
    keep_freed_memory.cache_clear()
    assert keep_freed_memory() is None and keep_freed_memory.cache_info().misses == 1
    monkeypatch.undo()
    keep_freed_memory.cache_clear()
    keep_freed_memory()
