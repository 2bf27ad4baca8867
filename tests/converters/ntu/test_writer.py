import numpy as np
from workshop import random_clip

from mmskelssl.converters.ntu import parse_skeleton, write_skeleton_file


def test_coordinates_survive_exactly_and_absent_persons_are_left_out(tmp_path):
    clip = random_clip(3, 4)
    clip[1, 2] = clip[:, 3] = 0
    write_skeleton_file(tmp_path / 'clip.skeleton', clip)
    bodies = parse_skeleton((tmp_path / 'clip.skeleton').read_bytes(), '')
    assert bodies.num_frames == 4 and bodies.frame.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal(bodies.joints[6:].astype(np.float32), clip[[0, 2], 2])
    np.testing.assert_array_equal(bodies.joints[:3].astype(np.float32), clip[:, 0])
