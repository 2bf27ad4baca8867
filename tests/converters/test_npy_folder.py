import json

import numpy as np
import pytest

from mmskelssl.converters.npy_folder import NpyFolderReader
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import LAYOUTS, get_layout

ARM = dict(
    name='arm4',
    joints=['shoulder', 'elbow', 'wrist', 'chest'],
    parents=[3, 0, 1, 3],
    center=3,
    pairs=[],
    spine=[3, 0],
    shoulders=[0, 3],
)
TABLE = """file,label,split,split_xsub,subject,room
a.npy,wave,train,train,3,kitchen
deep/b.npy,kick,test,,4,"hall, large"
c.npy,wave,,test,3,
"""


def body(persons=2, frames=5, joints=4, seed=0):
    return np.random.default_rng(seed).standard_normal((persons, frames, joints, 3)).astype(np.float32)


CLIPS = {'a': body(seed=1), 'deep/b': body(1, 3, seed=2), 'c': body(1, 1, seed=3)}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'mine'
    (folder / 'deep').mkdir(parents=True)
    np.save(folder / 'a.npy', CLIPS['a'].astype(np.float64))
    np.save(folder / 'deep' / 'b.npy', CLIPS['deep/b'][0])  # (T, V, C)
    np.save(folder / 'c.npy', np.asfortranarray(CLIPS['c']))
    (folder / 'layout.json').write_text(json.dumps(ARM))
    (folder / 'clips.csv').write_text(TABLE)
    return folder


@pytest.mark.parametrize(
    'change', [str, lambda table: '\ufeff' + table.replace('\n', '\r\n'), lambda table: table + '\n,,\n']
)
def test_store_holds_what_the_folder_holds(folder, tmp_path, run_converter, change):
    (folder / 'clips.csv').write_text(change(TABLE), newline='')
    status, out, err = run_converter('npy_folder', folder, tmp_path / 'store')
    assert (status, err) == (0, '') and '3 clips' in out
    store = ClipStore(tmp_path / 'store')
    assert store.names.tolist() == list(CLIPS)
    for i, clip in enumerate(CLIPS.values()):
        np.testing.assert_array_equal(store[i], clip)
    assert store.classes == ['kick', 'wave'] and store.labels.tolist() == [1, 0, 1]
    assert store.layout == get_layout(ARM)
    assert {name: index.tolist() for name, index in store.splits.items()} == dict(
        train=[0], test=[1], xsub_train=[0], xsub_test=[2]
    )
    assert store.attributes['subject'].tolist() == [3, 4, 3]
    assert store.attributes['room'].tolist() == ['kitchen', 'hall, large', '']


def test_names_numbers_and_classes(folder, tmp_path, run_converter):
    (folder / 'clips.csv').write_text('name,label,file\nfirst,0,a.npy\n,2,c.npy\nlast,1,deep/b.npy\n')
    reader = NpyFolderReader(folder, get_layout(ARM))
    assert [(raw.name, raw.label) for raw in reader] == [('first', 0), ('c', 2), ('last', 1)]
    assert reader.classes == ['class 0', 'class 1', 'class 2'] and reader.splits(list(reader)) == {}
    (tmp_path / 'classes.txt').write_text('wave\nkick\n')
    status, out, _ = run_converter('npy_folder', folder, tmp_path / 'store', '--classes', tmp_path / 'classes.txt')
    assert status == 0 and "clips.csv:3: Clip 'c' has label 2, but labels go from 0 to 1" in out
    assert ClipStore(tmp_path / 'store').classes == ['wave', 'kick']


def test_attributes_may_have_any_name(folder, tmp_path, run_converter):
    (folder / 'clips.csv').write_text('file,label,clip,self,,übung/1\na.npy,wave,1,2,3,x\n')
    assert run_converter('npy_folder', folder, tmp_path / 'store')[0] == 0
    attributes = {name: values.tolist() for name, values in ClipStore(tmp_path / 'store').attributes.items()}
    assert attributes == {'clip': [1], 'self': [2], '': [3], 'übung/1': ['x']}


BAD_ROWS = {
    'no file': ('none.npy,wave', "there is no file 'none.npy'"),
    'folder': ('deep,wave', "there is no file 'deep'"),
    'leaves': ('../secret.npy,wave', "the path '../secret.npy' leaves the folder"),
    'absolute': ('/etc/passwd,wave', "the path '/etc/passwd' leaves the folder"),
    'null': ('a\0.npy,wave', 'clips.csv'),
    'no label': ('a.npy,', "label '' is not one of the 2 classes ('kick', 'wave')"),
    'short': ('a.npy', '1 fields, but the head names 2'),
    'long': ('a.npy,wave,3', '3 fields, but the head names 2'),
    'twice': ('first.npy,wave', 'comes twice'),
    'objects': ('objects.npy,wave', 'objects.npy is not a whole .npy file of numbers'),
    'cut': ('cut.npy,wave', 'cut.npy is not a whole .npy file of numbers'),
    'junk': ('junk.npy,wave', 'junk.npy is not a whole .npy file of numbers'),
    'empty': ('empty.npy,wave', 'empty.npy is not a whole .npy file of numbers'),
    'archive': ('archive.npz,wave', 'archive.npz is an archive of arrays'),
    'axes': ('axes.npy,wave', 'axes.npy is float64(5, 12), not an array of numbers (M, T, V, C) or (T, V, C)'),
    'text': ('text.npy,wave', 'text.npy is <U1(1, 5, 4, 3), not'),
    'joints': ('joints.npy,wave', "has 20 joints, but layout 'arm4' has 4"),
    'nan': ('nan.npy,wave', 'NaN'),
    'nobody': ('nobody.npy,wave', 'all zero'),
    'no frames': ('no_frames.npy,wave', 'is empty'),
}


@pytest.mark.parametrize('kind', BAD_ROWS)
def test_bad_row_is_skipped_and_named_by_its_line(folder, tmp_path, run_converter, kind):
    row, message = BAD_ROWS[kind]
    np.save(tmp_path / 'secret.npy', body())
    np.save(folder / 'first.npy', body())
    np.save(folder / 'objects.npy', np.array([print]))
    (folder / 'cut.npy').write_bytes((folder / 'a.npy').read_bytes()[:-1])
    (folder / 'junk.npy').write_bytes(b'junk')
    (folder / 'empty.npy').touch()
    np.savez(folder / 'archive.npz', body())
    np.save(folder / 'axes.npy', np.ones((5, 12)))
    np.save(folder / 'text.npy', np.full((1, 5, 4, 3), 'x'))
    np.save(folder / 'joints.npy', body(joints=20))
    np.save(folder / 'nan.npy', body() * np.nan)
    np.save(folder / 'nobody.npy', 0 * body())
    np.save(folder / 'no_frames.npy', body(frames=0))
    (folder / 'clips.csv').write_text(f'file,label\nfirst.npy,wave\n{row}\ndeep/b.npy,kick\n')
    status, out, err = run_converter('npy_folder', folder, tmp_path / 'store')
    if status:  # a table with a null character is none for some versions of Python
        assert kind == 'null' and 'clips.csv is not a readable table' in err
        return
    assert ClipStore(tmp_path / 'store').names.tolist() == ['first', 'deep/b']
    (line,) = [line for line in out.splitlines() if 'clips.csv:3: ' in line]
    assert message in line
    assert run_converter('npy_folder', folder, tmp_path / 'strict', '--strict')[0] == 1


@pytest.mark.parametrize(
    'table, message',
    [
        (None, 'clips.csv is not a readable table'),
        ('', "the head [] lacks ['file', 'label']"),
        ('file,class\na.npy,wave\n', "clips.csv:1: the head ['file', 'class'] lacks ['label']"),
        ('file,label,file\na.npy,wave,b\n', 'names a column twice'),
        ('file,label\n', 'clips.csv lists no clip'),
        (b'file,label\n\xff.npy,wave\n', 'clips.csv is not a readable table'),
        ('file,label\n"a.npy,wave\n', 'clips.csv is not a readable table'),
        ('file,label\na.npy,99999999\n', 'The largest label is 99999999'),
    ],
)
def test_bad_table(folder, tmp_path, run_converter, table, message):
    (folder / 'clips.csv').unlink()
    if table is not None:
        (folder / 'clips.csv').write_bytes(table if isinstance(table, bytes) else table.encode())
    status, _, err = run_converter('npy_folder', folder, tmp_path / 'store')
    assert status == 1 and message in err and err.startswith('error: ') and err.count('\n') == 1


@pytest.mark.parametrize(
    'text, message',
    [
        (None, f'layout.json is neither a layout ({", ".join(LAYOUTS)}) nor a readable JSON file of one'),
        ('{', 'layout.json is not JSON'),
        ('[' * 100_000, 'layout.json is not JSON'),
        ('[1]', 'layout.json is not a dict'),
        ('{"name": "x"}', 'layout.json: Not a skeleton layout'),
        (json.dumps(ARM | dict(parents=[9, 9, 9, 9])), "layout.json: Layout 'arm4' has 4 joints but refers to"),
        (json.dumps(ARM | dict(parents=['a'] * 4)), 'layout.json: '),
        (json.dumps(ARM | dict(joints=3)), 'layout.json: '),
    ],
)
def test_bad_layout(folder, tmp_path, run_converter, text, message):
    (folder / 'layout.json').unlink()
    if text is not None:
        (folder / 'layout.json').write_text(text)
    status, _, err = run_converter('npy_folder', folder, tmp_path / 'store')
    assert status == 1 and message in err and err.count('\n') == 1


@pytest.mark.parametrize('text, message', [(None, 'cannot be read'), ('\n', 'no names'), ('a\nb\na\n', "['a'] twice")])
def test_bad_classes(folder, tmp_path, run_converter, text, message):
    if text is not None:
        (tmp_path / 'classes.txt').write_text(text)
    status, _, err = run_converter('npy_folder', folder, tmp_path / 'store', '--classes', tmp_path / 'classes.txt')
    assert status == 1 and 'classes.txt' in err and message in err and err.count('\n') == 1
