import numpy as np
import pytest
from workshop import random_clip

from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.held_out import held_out
from mmskelssl.utils.errors import ConfigError


def make(path, labels, **attributes):
    with ClipStore.create(path, 'kinect20', ['a', 'b', 'c']) as writer:
        for number, label in enumerate(labels):
            of_clip = {name: values[number] for name, values in attributes.items()}
            writer.add(f'clip {number}', label, random_clip(frames=2, joints=20), **of_clip)
        writer.splits['train'] = range(len(labels))
    return ClipStore(path)


@pytest.mark.parametrize('attribute', ['performer', 'subject'])
def test_whole_persons_are_held_out(tmp_path, attribute):
    persons = np.arange(200) // 10
    store = make(tmp_path / 'store', np.arange(200) % 3, **{attribute: persons})
    apart = held_out(store, np.arange(200))
    assert apart.sum() == 20 and len(set(persons[apart])) == 2
    assert not set(persons[apart]) & set(persons[~apart])


def test_clips_are_held_out_where_nobody_is_known(tmp_path):
    store = make(tmp_path / 'store', np.arange(205) % 3)
    apart = held_out(store, np.arange(205))
    assert apart.sum() == 21 and set(store.labels[~apart]) == {0, 1, 2}


def test_one_person_is_no_choice(tmp_path):
    apart = held_out(make(tmp_path / 'store', np.arange(50) % 3, performer=[4] * 50), np.arange(50))
    assert apart.sum() == 5


def test_no_class_is_emptied(tmp_path):
    """Class c is done by one person of two alone: whoever is held out, clips of it remain."""
    labels = [0, 1, 0, 1, 0, 1, 2, 2]
    store = make(tmp_path / 'store', labels, performer=[1, 1, 2, 2, 3, 3, 3, 3])
    assert set(store.labels[~held_out(store, np.arange(8))]) == {0, 1, 2}
    assert not held_out(make(tmp_path / 'single', [0, 1, 2]), np.arange(3)).any()


def test_the_choice_hangs_on_names_alone(tmp_path):
    store = make(tmp_path / 'store', np.zeros(100, int))
    order = np.random.default_rng(0).permutation(100)
    assert (held_out(store, order) == held_out(store, np.arange(100))[order]).all()


def test_parts_of_a_data_set(tmp_path):
    store = make(tmp_path / 'store', np.arange(60) % 3)
    fit, apart, both = (SkeletonDataset(store.path, 'train', part=part) for part in ('fit', 'held-out', None))
    assert len(apart) == 6 and sorted([*fit.names, *apart.names]) == sorted(both.names)
    drawn = SkeletonDataset(store.path, 'train', draw=dict(ratio=20, draw=0), part='held-out')
    assert len(drawn) == 2 and set(drawn.names) < set(SkeletonDataset(store.path, draw=dict(ratio=20, draw=0)).names)
    with pytest.raises(ConfigError, match="no part 'test': parts are fit, held-out"):
        SkeletonDataset(store.path, part='test')
