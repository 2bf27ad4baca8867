import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_ntu import random_frames, skeleton_bytes

from mmskelssl.converters.ntu import BODY_SELECTIONS, parse_skeleton


def select(frames, how):
    clip = BODY_SELECTIONS[how](parse_skeleton(skeleton_bytes(frames), ''))
    assert clip.dtype == np.float32 and clip.shape[1:] == (len(frames), 25, 3)
    return clip


def by_slot(frames, num_slots):
    """(num_slots, T, 25, 3) float64."""
    clip = np.zeros((num_slots, len(frames), 25, 3))
    for t, bodies in enumerate(frames):
        for m, joints in enumerate(bodies[:num_slots]):
            clip[m, t] = joints
    return clip


def energy(person):
    """Facts of the official programs: over frames that are not empty, the sum of the coordinates' deviations."""
    tracked = [joints for joints in person if joints.sum() != 0]
    return sum(np.std([joints[:, c] for joints in tracked]) for c in range(3)) if tracked else 0


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any),
    scales=st.permutations([0.1, 0.5, 1, 2, 4, 8]),
    seed=st.integers(0, 99),
)
def test_the_two_of_the_first_four_with_most_energy(counts, scales, seed):
    frames = [
        [joints * scale for joints, scale in zip(bodies, scales, strict=False)]
        for bodies in random_frames(counts, seed)
    ]
    candidates = by_slot(frames, 4)
    ranked = sorted(range(4), key=lambda m: -energy(candidates[m]))[: min(2, max(counts))]
    np.testing.assert_array_equal(select(frames, 'energy'), candidates[ranked].astype(np.float32))
    np.testing.assert_array_equal(select(frames, 'first'), by_slot(frames, min(2, max(counts))).astype(np.float32))


def test_a_fifth_body_is_never_a_person():
    frames = random_frames([5, 5])
    frames[0][4] *= 100
    chosen = select(frames, 'energy')
    assert np.abs(chosen).max() < 100


def test_a_body_of_one_frame_is_kept_where_it_was():
    frames = random_frames([1, 1, 2, 1])
    frames[2][1] *= 0.1
    for how in ('energy', 'first'):
        clip = select(frames, how)
        assert len(clip) == 2
        np.testing.assert_array_equal(clip.any(axis=(2, 3)), [[1, 1, 1, 1], [0, 0, 1, 0]])
        np.testing.assert_array_equal(clip[1, 2], frames[2][1].astype(np.float32))


def test_frames_without_bodies_are_zero_and_one_person_is_one():
    frames = random_frames([0, 1, 0])
    for how in BODY_SELECTIONS:
        clip = select(frames, how)
        assert clip.shape == (1, 3, 25, 3)
        np.testing.assert_array_equal(clip.any(axis=(2, 3)), [[0, 1, 0]])


def test_order_is_by_energy_or_as_listed():
    frames = [[bodies[0] * 0.01, bodies[1]] for bodies in random_frames([2, 2, 2])]
    calm, lively = by_slot(frames, 2).astype(np.float32)
    np.testing.assert_array_equal(select(frames, 'energy'), [lively, calm])
    np.testing.assert_array_equal(select(frames, 'first'), [calm, lively])
