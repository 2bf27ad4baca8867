"""Which training clips are kept apart to choose settings by, so that the test side need not be looked at.

Like the draws of labels, the choice is a function of names: it depends on no random numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np

from mmskelssl.datasets.clip_store import ClipStore

SHARE = 0.1
# What stores call the person who acts.
_PERSON = ('performer', 'subject')


def held_out(store: ClipStore, indices: np.ndarray) -> np.ndarray:
    """Chooses about a tenth of a store's clips, by whole persons where the store knows them.

    Persons, or single clips, are taken in the order of the SHA-256 of their names until they have a tenth of the clips.
    Of a class that would have no clip left, none is taken. Where nothing can be taken by persons, single clips are.

    Args:
        store: The store.
        indices: (n,) clips to choose from.

    Returns:
        (n,) bool; all False where every class has a single clip.
    """
    labels = store.labels[indices]
    columns = [store.attributes[name] for name in _PERSON if name in store.attributes]
    choices = (_chosen(labels, column[indices]) for column in [*columns, store.names])
    return next((chosen for chosen in choices if chosen.any()), np.zeros(len(labels), bool))


def _chosen(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    chosen = np.zeros(len(labels), bool)
    for group in sorted(set(groups.tolist()), key=_hash):
        if chosen.sum() >= SHARE * len(labels):
            break
        chosen |= groups == group
    return chosen & np.isin(labels, labels[~chosen])


def _hash(name: object) -> bytes:
    return hashlib.sha256(f'held out/{name}'.encode()).digest()
