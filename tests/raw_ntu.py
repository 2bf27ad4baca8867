"""Hand-made ``.skeleton`` text."""

import numpy as np

JOINT_TAIL = '277.4 191.8 1036.2 519.1 -0.2 0.05 0.9 -0.1 2'


def body_lines(joints, body_id=72057594037931101, num_joints=25):
    """Lines of one body with joints (25, 3)."""
    rows = [f'{x!r} {y!r} {z!r} {JOINT_TAIL}' for x, y, z in np.asarray(joints, float).tolist()]
    return [f'{body_id} 0 1 1 1 1 0 0.02 -0.1 2', str(num_joints), *rows]


def skeleton_lines(frames):
    """Lines of a file; each frame is a list of bodies (25, 3)."""
    lines = [str(len(frames))]
    for bodies in frames:
        numbered = enumerate(bodies, 72057594037931101)
        lines += [str(len(bodies)), *(line for body_id, joints in numbered for line in body_lines(joints, body_id))]
    return lines


def skeleton_bytes(frames, end='\n'):
    return (end.join(skeleton_lines(frames)) + end).encode()


def random_frames(counts, seed=0):
    """Frames of as many bodies as ``counts`` says."""
    rng = np.random.default_rng(seed)
    return [list(rng.normal((0, 0, 3), 0.5, (count, 25, 3)).astype(np.float32).astype(float)) for count in counts]
