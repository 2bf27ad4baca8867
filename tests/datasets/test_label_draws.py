import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.label_draws import (
    NUM_DRAWS,
    RATIOS,
    drawn_names,
    drawn_ratios,
    names_digest,
    read_draw,
    write_draws,
)
from mmskelssl.utils.errors import StoreError

SHIPPED = Path(__file__).parents[2] / 'configs' / 'protocols' / 'draws'
# Training sides of NTU RGB+D, from the data set's papers: Shahroudy et al., CVPR 2016; Liu et al., TPAMI 2020.
NTU60_PERFORMERS = {1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38}
NTU120_PERFORMERS = NTU60_PERFORMERS | {
    *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94),
    *(95, 97, 98, 100, 103),
}
TRAINS = {
    'ntu60_xsub_train': (40091, lambda s, c, p: s <= 17 and p in NTU60_PERFORMERS),
    'ntu60_xview_train': (37646, lambda s, c, p: s <= 17 and c in (2, 3)),
    'ntu120_xsub_train': (63026, lambda s, c, p: p in NTU120_PERFORMERS),
    'ntu120_xset_train': (54468, lambda s, c, p: s % 2 == 0),
}
KINDS = ('random', 'balanced')
CLIPS = st.lists(st.integers(0, 4), min_size=1, max_size=300).map(
    lambda labels: ([f'clip{number}' for number in range(len(labels))], labels)
)


def lines_of(path):
    return gzip.decompress(path.read_bytes()).decode().splitlines()


@given(CLIPS, st.integers(0, NUM_DRAWS - 1))
def test_a_random_draw_has_the_ratio_of_all_clips(clips, draw):
    ratios = drawn_ratios(*clips, draw, balanced=False)
    for ratio in RATIOS:
        assert ((ratios > 0) & (ratios <= ratio)).sum() == len(ratios) * ratio // 100


@given(CLIPS, st.integers(0, NUM_DRAWS - 1))
def test_a_balanced_draw_has_the_ratio_of_each_class_and_none_empty(clips, draw):
    ratios, labels = drawn_ratios(*clips, draw, balanced=True), np.array(clips[1])
    for ratio in RATIOS:
        for label in np.unique(labels):
            drawn = ((ratios > 0) & (ratios <= ratio))[labels == label].sum()
            assert drawn == max(1, (labels == label).sum() * ratio // 100)


@given(CLIPS, st.booleans(), st.randoms())
def test_a_draw_hangs_on_names_alone(clips, balanced, random):
    names, labels = clips
    order = random.sample(range(len(names)), len(names))
    shuffled = drawn_ratios([names[i] for i in order], [labels[i] for i in order], 2, balanced)
    assert (shuffled == drawn_ratios(names, labels, 2, balanced)[order]).all()


def test_draws_differ():
    names = [f'clip{number}' for number in range(1000)]
    draws = [frozenset(np.flatnonzero(drawn_ratios(names, [0] * 1000, draw, False))) for draw in range(NUM_DRAWS)]
    assert len(set(draws)) == NUM_DRAWS
    # Two independent draws of a fifth share a fifth of it: 40 of 200.
    assert all(20 < len(a & b) < 60 for a in draws for b in draws if a != b)


def test_files_give_the_draws_back(tmp_path):
    names, labels = [f'größe {number}' for number in range(200)], [number % 3 for number in range(200)]
    write_draws(tmp_path / 'a.txt.gz', names, labels, balanced=True)
    for draw in range(NUM_DRAWS):
        ratios = drawn_ratios(names, labels, draw, balanced=True)
        for ratio in RATIOS:
            expected = {name for name, r in zip(names, ratios, strict=True) if 0 < r <= ratio}
            assert set(read_draw(tmp_path / 'a.txt.gz', ratio, draw)) == expected
    write_draws(tmp_path / 'b.txt.gz', names, labels, balanced=True)
    assert (tmp_path / 'a.txt.gz').read_bytes() == (tmp_path / 'b.txt.gz').read_bytes()


def test_bad_files_and_draws(tmp_path):
    path = tmp_path / 'a.txt.gz'
    with pytest.raises(StoreError, match=r'No label draws at .*make_draws.py STORE SPLIT a.txt.gz'):
        read_draw(path, 1, 0)
    write_draws(path, ['a', 'b'], [0, 0], balanced=False)
    with pytest.raises(StoreError, match='1 % of the clips in .* are none: take a higher ratio, or balanced draws'):
        read_draw(path, 1, 0)
    for ratio, draw in ((3, 0), (10, 5)):
        with pytest.raises(StoreError, match='No draw'):
            read_draw(path, ratio, draw)
        with pytest.raises(StoreError, match='No draw'):
            drawn_names(['a'], [0], ratio, draw)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StoreError, match='are damaged'):
        read_draw(path, 10, 0)
    with pytest.raises(StoreError, match='has a line break'):
        write_draws(path, ['a\nb'], [0], balanced=False)


def test_dataset_has_the_drawn_clips(make_store, tmp_path):
    path = make_store(lengths=range(3, 63))
    store = ClipStore(path)
    train, test = (store.split(name) for name in ('train', 'test'))
    write_draws(tmp_path / 'draws.txt.gz', store.names[train], store.labels[train], balanced=True)
    draw = dict(path=tmp_path / 'draws.txt.gz', ratio=20, draw=1)
    dataset = SkeletonDataset(path, 'train', draw=draw)
    without_file = SkeletonDataset(path, 'train', draw=dict(ratio=20, draw=1, balanced=True))
    assert without_file.names.tolist() == dataset.names.tolist()
    assert sorted(dataset.names) == sorted(read_draw(**draw))
    assert len(dataset) < len(train) and not set(dataset.names) & set(store.names[test])
    with pytest.raises(StoreError, match="are not in split 'test'"):
        SkeletonDataset(path, 'test', draw=draw)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('side', TRAINS)
def test_shipped_draws_of_ntu_are_of_the_training_side(side, kind):
    total, is_train = TRAINS[side]
    path = SHIPPED / f'{side}_{kind}.txt.gz'
    assert lines_of(path)[0] == f'# {NUM_DRAWS} draws, {kind}, of {total} clips'
    lines = lines_of(path)[1:]
    names = [line.split()[-1] for line in lines]
    assert all(is_train(int(name[1:4]), int(name[5:8]), int(name[9:12])) for name in names)
    drawn = read_draw(path, 20, NUM_DRAWS - 1)
    assert len({name[-3:] for name in drawn}) == (60 if '60' in side else 120)
    assert len(drawn) == total * 20 // 100 or kind == 'balanced'


@pytest.mark.shared
@pytest.mark.parametrize('kind', KINDS)
def test_shipped_draws_of_ntu_are_what_the_function_gives(shared, kind, tmp_path):
    names = lines_of(shared / 'data' / 'ntu' / 'clip_names.txt.gz')
    total, is_train = TRAINS['ntu60_xview_train']
    train = [name for name in names if is_train(int(name[1:4]), int(name[5:8]), int(name[9:12]))]
    assert len(train) == total
    write_draws(tmp_path / 'draws.txt.gz', train, [int(name[-3:]) - 1 for name in train], kind == 'balanced')
    shipped = SHIPPED / f'ntu60_xview_train_{kind}.txt.gz'
    assert lines_of(tmp_path / 'draws.txt.gz') == lines_of(shipped)


def test_digest_hangs_on_the_set_of_names():
    assert names_digest(['b', 'a']) == names_digest(np.array(['a', 'b'])) != names_digest(['a'])
