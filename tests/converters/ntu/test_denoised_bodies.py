"""CTR-GCN's choice of bodies, by its rules on hand-made bodies."""

import numpy as np
import pytest
from raw_ntu import body_lines

from mmskelssl.converters.ntu import BODY_SELECTIONS, parse_skeleton


def track(frames, motion=0.1, width=0.5, seed=0):
    """Frame number to joints (25, 3): bodies 1 high and ``width`` wide that move by ``motion`` along z."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(0, 0.1, (25, 3)) + (0, 0.5, 3)
    body[0, :2], body[1, :2] = (0, 0), (width, 1)
    body[2:, 0] = np.clip(body[2:, 0], 0, width)
    return {t: (body + (0, 0, rng.normal(0, motion))).astype(np.float32) for t in frames}


def select(num_frames, *tracks):
    """The clip of bodies that are listed in every frame in this order."""
    lines = [str(num_frames)]
    for t in range(num_frames):
        present = [(number, one[t]) for number, one in enumerate(tracks) if t in one]
        lines += [str(len(present)), *(line for number, body in present for line in body_lines(body, 10**16 + number))]
    clip = BODY_SELECTIONS['ctr-gcn'](parse_skeleton('\n'.join([*lines, '']).encode(), ''))
    assert clip.dtype == np.float32 and clip.shape[2:] == (25, 3)
    return clip


def drawn(one, frames):
    return np.stack([one.get(t, np.zeros((25, 3), np.float32)) for t in frames])


def test_the_only_body_is_kept_with_its_empty_frames():
    one = track([1, 2, 5], width=3.0)
    np.testing.assert_array_equal(select(7, one), drawn(one, range(7))[None])


def test_the_one_that_moves_most_is_the_first_person_wherever_it_is_listed():
    calm, lively = track(range(20), 0.01), track(range(20), 0.5, seed=1)
    np.testing.assert_array_equal(select(20, calm, lively), [drawn(lively, range(20)), drawn(calm, range(20))])


def test_short_bodies_are_dropped_and_frames_without_anyone_cut_out():
    main, short = track([*range(3, 10), *range(12, 20)]), track(range(11), 5.0, seed=1)
    frames = [*range(3, 10), *range(12, 20)]
    np.testing.assert_array_equal(select(25, main, short), drawn(main, frames)[None])
    assert len(select(25, main, track(range(12), 5.0, seed=1))) == 2


@pytest.mark.parametrize(('noisy', 'is_dropped'), [(13, False), (14, True)])
def test_furniture_is_wide_in_most_of_its_frames(noisy, is_dropped):
    person = track(range(20))
    wide, narrow = track(range(20), 9.0, width=0.81, seed=1), track(range(20), 9.0, width=0.79, seed=1)
    other = {t: (wide if t < noisy else narrow)[t] for t in range(20)}
    assert len(select(20, person, other)) == 1 + (not is_dropped)


def test_the_last_body_is_never_dropped():
    first, last = track(range(20), width=2.0), track(range(20), width=3.0, seed=1)
    np.testing.assert_array_equal(select(20, first, last), drawn(last, range(20))[None])


def test_jumps_of_noisy_frames_do_not_count_as_motion():
    calm = track(range(30), 0.05)
    jumping = track(range(30), 0.01, seed=1)
    for t in (3, 9):
        jumping[t] = jumping[t] * np.float32([2, 1, 1]) + np.float32([0, 0, 50])
    np.testing.assert_array_equal(select(30, jumping, calm)[0], drawn(calm, range(30)))


def test_bodies_that_follow_one_another_are_one_person():
    before, after = track(range(12), 0.5), track(range(12, 30), 0.4, seed=1)
    beside, late = track(range(30), 0.3, seed=2), track(range(15, 30), 0.1, seed=3)
    clip = select(30, before, after, beside, late)
    np.testing.assert_array_equal(clip, [drawn(before | after, range(30)), drawn(beside, range(30))])


def test_a_body_keeps_its_person_when_the_one_before_it_in_the_frames_is_lost():
    """The other selections follow places in a frame: there, the second body takes the first one's place."""
    first, second = track([*range(5), *range(10, 20)], 0.5), track(range(20), 0.1, seed=1)
    np.testing.assert_array_equal(select(20, first, second), [drawn(first, range(20)), drawn(second, range(20))])


def test_the_longest_is_kept_where_all_are_short():
    short, longer = track(range(3), 9.0), track(range(4, 9), seed=1)
    np.testing.assert_array_equal(select(10, short, longer), drawn(longer, range(4, 9))[None])
