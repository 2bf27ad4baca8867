"""Files of PKU-MMD II from clips in memory."""

from collections import defaultdict

import numpy as np

from mmskelssl.converters.ntu import NTU60_TRAIN_PERFORMERS
from mmskelssl.converters.synthetic import SyntheticReader

# Frames between actions.
PAUSE = 5
SUBJECT, VIEW = 'cross_subject_v2.txt', 'cross_view_v2.txt'


def write_pku_tree(folder, recordings, training):
    """Recordings of clips, one after the other, with labels in half-open ranges, and splits.

    Args:
        folder: Where all go.
        recordings: Name to the clips (M, T, 25, 3) of each recording, of up to two persons.
        training: File name of each split to the recordings that train; the others validate.
    """
    for kind in ('skeleton', 'label'):
        (folder / kind).mkdir(parents=True)
    for name, clips in recordings.items():
        rows, labels, start = [], [], 0
        for raw in clips:
            persons, length = raw.clip.shape[:2]
            both = np.concatenate([raw.clip, np.zeros((2 - persons, length, 25, 3))])
            frames = both.swapaxes(0, 1).reshape(length, -1)
            rows += [frames, np.repeat(frames[-1:], PAUSE, axis=0)]
            labels.append(f'{raw.label + 1},{start},{start + length},2\n')
            start += length + PAUSE
        np.savetxt(folder / 'skeleton' / f'{name}.txt', np.concatenate(rows), fmt='%.9g')
        (folder / 'label' / f'{name}.txt').write_text(''.join(labels))
    for file, names in training.items():
        parts = [', '.join(name for name in recordings if (name in names) == trains) for trains in (True, False)]
        (folder / file).write_text(f'Training videos:\n{parts[0]}\nValidation videos:\n{parts[1]}\n')


def write_synthetic_pku(folder, num_clips):
    """The synthetic set, one recording for each performer and camera."""
    recordings = defaultdict(list)
    for raw in SyntheticReader(num_clips):
        recordings[f'A01N{raw.attributes["performer"]:02}-{"MLR"[raw.attributes["camera"] - 1]}'].append(raw)
    subject = [name for name in recordings if int(name[4:6]) in NTU60_TRAIN_PERFORMERS]
    view = [name for name in recordings if not name.endswith('M')]
    write_pku_tree(folder, recordings, {SUBJECT: subject, VIEW: view})
