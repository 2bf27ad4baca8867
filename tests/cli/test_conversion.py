import argparse
import errno

import numpy as np
import pytest
from list_reader import MIXED, ListReader, raw
from PIL import Image

from mmskelssl.cli.conversion import add_conversion_arguments, run_conversion
from mmskelssl.datasets.clip_store import ClipStore, ClipStoreWriter


def run(tmp_path, reader, *flags, expected=None):
    parser = argparse.ArgumentParser()
    add_conversion_arguments(parser)
    reader.split_sizes = expected or {}
    return run_conversion(lambda args: reader, parser.parse_args([str(tmp_path / 'store'), *flags]))


def test_run_succeeds_and_tells_where_the_store_is(tmp_path, capsys):
    assert run(tmp_path, ListReader(*MIXED), expected={'train': 2}) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-2:] == [
        f'histograms: {tmp_path / "store" / "conversion.png"}',
        f'store: {tmp_path / "store"}',
    ]
    with Image.open(tmp_path / 'store' / 'conversion.png') as image:
        assert image.width > 1000
    assert "Clip 'unreadable' cannot be read." in out
    assert 'warning' not in err


def test_run_says_that_a_set_is_partial(tmp_path, capsys):
    assert run(tmp_path, ListReader(*MIXED), expected={'train': 9, 'test': 4}) == 0
    err = capsys.readouterr().err
    assert 'partial data set: split train has 2 clips, the published set 9.' in err
    assert 'split test has 0 clips, the published set 4.' in err


@pytest.mark.parametrize(
    'reader, flags, message',
    [
        (ListReader(*MIXED), ['--strict'], 'joints'),
        (ListReader(MIXED[1]), [], 'No usable clip'),
    ],
)
def test_run_fails_with_one_line_and_leaves_nothing(tmp_path, capsys, reader, flags, message):
    assert run(tmp_path, reader, *flags) == 1
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if line.startswith('error: ')]
    assert message in line and out == ''
    assert list(tmp_path.iterdir()) == []


def test_run_does_not_replace_a_store_unless_told_to(tmp_path, capsys):
    assert run(tmp_path, ListReader(raw('old'))) == 0
    assert run(tmp_path, ListReader(raw('new'))) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert ClipStore(tmp_path / 'store').names.tolist() == ['old']
    assert run(tmp_path, ListReader(MIXED[1]), '--overwrite') == 1
    assert ClipStore(tmp_path / 'store').names.tolist() == ['old']
    assert run(tmp_path, ListReader(raw('new')), '--overwrite', '--dtype', 'float16') == 0
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == ['new'] and store.frames.dtype == np.float16


def test_run_on_a_full_disk(tmp_path, capsys, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(ClipStoreWriter, 'add', full)
    assert run(tmp_path, ListReader(*MIXED)) == 1
    err = capsys.readouterr().err
    assert 'error: Cannot write' in err and 'No space left on device' in err
    assert 'Nothing was written: free space and start again.' in err
    assert list(tmp_path.iterdir()) == []


def test_run_that_is_interrupted_leaves_nothing_and_says_what_to_do(tmp_path, capsys, monkeypatch):
    def interrupt(self, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClipStoreWriter, 'add', interrupt)
        assert run(tmp_path, ListReader(*MIXED)) == 130
    store = tmp_path / 'store'
    assert f'interrupted: nothing was written to {store}. Start the same command again.' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert run(tmp_path, ListReader(*MIXED), '--workers', '2') == 0
    assert ClipStore(store).names.tolist() == ['first', 'gap', 'last']


def test_workers_are_at_least_one(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, ListReader(*MIXED), '--workers', '0')
    assert '0 is not positive' in capsys.readouterr().err
