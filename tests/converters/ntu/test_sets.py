import gzip

import pytest

from mmskelssl.converters.base import RawClip
from mmskelssl.converters.ntu import (
    NTU60,
    NTU120,
    NTU120_TRAIN_PERFORMERS,
    clip_name,
    clips_without_skeleton,
    parse_clip_name,
)
from mmskelssl.utils.errors import ClipError


def test_names_are_their_numbers():
    numbers = dict(setup=1, camera=2, performer=3, replication=1, action=5)
    assert clip_name(**numbers) == 'S001C002P003R001A005'
    assert parse_clip_name('S001C002P003R001A005') == numbers
    assert parse_clip_name('S032C003P106R999A120')['performer'] == 106


@pytest.mark.parametrize(
    'name',
    ['', 'S001C002P003R001A05', 'S001C002P003R001A0050', 's001c002p003r001a005', 'S001C002P003R001A005 (1)', 'notes',
     'S-01C002P003R001A005', 'S٠٠١C002P003R001A005'],
)  # fmt: skip
def test_other_names_are_refused(name):
    with pytest.raises(ClipError, match='is not of the form SsssCcccPpppRrrrAaaa'):
        parse_clip_name(name)


@pytest.mark.parametrize(
    'name, message',
    [
        ('S000C001P001R001A001', 'setup 0 of .* is not in the range 1 to 32'),
        ('S033C001P001R001A001', 'setup 33 of'),
        ('S001C004P001R001A001', 'camera 4 of .* is not in the range 1 to 3'),
        ('S001C001P107R001A001', 'performer 107 of .* is not in the range 1 to 106'),
        ('S001C001P001R001A000', 'action 0 of'),
        ('S001C001P001R000A001', 'replication 0 of'),
    ],
)
def test_numbers_that_there_are_not_are_refused(name, message):
    with pytest.raises(ClipError, match=message):
        parse_clip_name(name)


def test_published_names_without_skeleton():
    names = clips_without_skeleton()
    assert len(names) == 535
    setups = [parse_clip_name(name)['setup'] for name in names]
    assert sum(setup <= NTU60.num_setups for setup in setups) == 302


def test_classes():
    assert len(NTU60.classes) == 60 and len(NTU120.classes) == len(set(NTU120.classes)) == 120
    assert NTU120.classes[:60] == NTU60.classes
    # The two-person actions begin at 50 and at 106.
    assert 'other person' in NTU60.classes[49] and 'other person' in NTU120.classes[105]
    assert len(NTU120_TRAIN_PERFORMERS) == 53


@pytest.mark.shared
@pytest.mark.parametrize('dataset', [NTU60, NTU120], ids=lambda dataset: dataset.name)
def test_split_sizes_are_those_of_all_names(shared, dataset):
    text = gzip.decompress((shared / 'data' / 'ntu' / 'clip_names.txt.gz').read_bytes()).decode()
    numbers = [parse_clip_name(name) for name in text.split()]
    clips = [RawClip('', 0, None, n) for n in numbers if n['setup'] <= dataset.num_setups]
    assert {name: len(index) for name, index in dataset.splits(clips).items()} == dataset.split_sizes
    assert not clips_without_skeleton() & set(text.split())
