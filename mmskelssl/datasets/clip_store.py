"""Clips of any length on disk, memory-mapped: written once, read by all ranks and loader workers."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmskelssl.datasets.layouts import SkeletonLayout, get_layout
from mmskelssl.datasets.plausibility import remarks
from mmskelssl.utils.errors import ClipError, StoreError
from mmskelssl.utils.files import folder_written_beside

FORMAT = 'mmskelssl.clip_store'
VERSION = 1
DTYPES = ('float32', 'float16')


class ClipStore:
    """Read access to a store of ragged clips.

    A store is a folder of three files: ``frames.bin``, the frames (V, C) of every person of every clip end to end
    (person after person within a clip), ``clips.npz`` with one entry a clip, and ``meta.json``. Frames are mapped, not
    read, so opening takes milliseconds and processes on one machine share the memory.

    Args:
        path: The store's folder.

    Attributes:
        layout: What the V joints mean.
        classes: Names of the classes; ``labels`` index them.
        frames: (R, V, C) memory map, one row a frame of a person, in metres.
        labels: (N,) int64, 0-based.
        names: (N,) clip names.
        num_frames: (N,) int64, T of each clip.
        num_persons: (N,) int64, M of each clip.
        offsets: (N,) int64, the first row of each clip in ``frames``.
        splits: Split name to the (n,) indices of its clips.
        attributes: Attribute name (such as ``performer``) to (N,) values.
        source: What the converter recorded about origin and processing.
        frames_sha256: Checksum of ``frames.bin`` when it was written.

    Raises:
        StoreError: If the folder is no store, was written by another version, or is cut short.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> with ClipStore.create('data/mine', layout='ntu25', classes=['wave', 'kick']) as store:
        ...     store.add('clip0', 'kick', rng.normal(0, 0.2, (2, 40, 25, 3)))  # persons, frames, joints, metres
        ...     store.splits['train'] = [0]
        >>> store = ClipStore('data/mine')
        >>> len(store), store[0].shape, store.classes[store.labels[0]]
        (1, (2, 40, 25, 3), 'kick')
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        meta = self._read_meta()
        try:
            self.layout: SkeletonLayout = get_layout(meta['layout'])
            self.classes: list[str] = list(meta['classes'])
            self.source: dict = dict(meta['source'])
            dtype = np.dtype(DTYPES[DTYPES.index(meta['dtype'])])
            num_coords = int(meta['num_coords'])
            self.frames_sha256 = str(meta['frames_sha256'])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f'{self.path / "meta.json"} is damaged: convert the data again. ({error})') from error
        try:
            with np.load(self.path / 'clips.npz', allow_pickle=False) as clips:
                columns = {key: clips[key] for key in clips.files}
            _check_columns(columns)
            self.names: np.ndarray = np.char.decode(columns['names'], 'utf-8')
            self.labels: np.ndarray = columns['labels']
            self.num_frames: np.ndarray = columns['num_frames']
            self.num_persons: np.ndarray = columns['num_persons']
        # A damaged archive makes zipfile and NumPy fail in many ways.
        except Exception as error:
            raise StoreError(
                f'{self.path / "clips.npz"} is missing or damaged: convert the data again. ({error})'
            ) from error
        rows = self.num_frames * self.num_persons
        self.offsets: np.ndarray = np.cumsum(rows) - rows
        self.splits = _prefixed(columns, 'split/')
        self.attributes = _prefixed(columns, 'attribute/')
        self.frames = self._map_frames(dtype, (int(rows.sum()), self.layout.num_joints, num_coords))

    def _read_meta(self) -> dict:
        try:
            meta = json.loads((self.path / 'meta.json').read_text(encoding='utf-8'))
        except FileNotFoundError as error:
            raise StoreError(
                f'No clip store at {self.path} (it has no meta.json): check the path, or make a store with '
                'tools/dataset_converters/.'
            ) from error
        except (OSError, ValueError) as error:
            raise StoreError(f'{self.path / "meta.json"} is unreadable: convert the data again. ({error})') from error
        if not isinstance(meta, dict) or meta.get('format') != FORMAT:
            raise StoreError(f'{self.path} is not a clip store: make one with tools/dataset_converters/.')
        if meta.get('version') != VERSION:
            raise StoreError(
                f'{self.path} was written in version {meta.get("version")} of the store format, this program reads '
                f'version {VERSION}: convert the data again, or install the version of mmskelssl that wrote it.'
            )
        return meta

    def _map_frames(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        path = self.path / 'frames.bin'
        expected = int(np.prod(shape)) * dtype.itemsize
        try:
            size = path.stat().st_size
            if size != expected:
                raise StoreError(
                    f'{path} holds {size} bytes where the store needs {expected}: it was cut short or replaced. '
                    'Copy or convert it again.'
                )
            return map_array(path, dtype, shape)
        except OSError as error:
            raise StoreError(f'{path} is unreadable: copy or convert the store again. ({error})') from error

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> np.ndarray:
        """The clip as (M, T, V, C), a read-only view of the mapped frames."""
        index = range(len(self))[index]
        persons, length = int(self.num_persons[index]), int(self.num_frames[index])
        rows = self.frames[self.offsets[index] : self.offsets[index] + persons * length]
        return rows.reshape(persons, length, *rows.shape[1:])

    @property
    def digest(self) -> str:
        """Tells stores apart by their index and the digest of their frames, without reading the frames."""
        return hashlib.sha256(
            b''.join((self.path / name).read_bytes() for name in ('meta.json', 'clips.npz'))
        ).hexdigest()

    def split(self, name: str) -> np.ndarray:
        """Indices (n,) of a split's clips.

        Raises:
            StoreError: If there is no such split; the message lists those that there are.
        """
        if name not in self.splits:
            raise StoreError(f"{self.path} has no split '{name}'. Its splits: {sorted(self.splits)}.")
        return self.splits[name]

    def __reduce__(self) -> tuple:
        # A loader worker that is spawned opens the store itself instead of receiving all frames.
        return type(self), (self.path,)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}({self.path}: {len(self)} clips, {len(self.classes)} classes, '
            f'layout {self.layout.name}, splits {sorted(self.splits)})'
        )

    @staticmethod
    @contextmanager
    def create(
        path: str | os.PathLike,
        layout: str | Mapping | SkeletonLayout,
        classes: Sequence[str],
        dtype: str = 'float32',
        overwrite: bool = False,
    ) -> Iterator[ClipStoreWriter]:
        """Opens a new store for writing; it appears under its name when the block ends without an error.

        Coordinates that cannot be metres, or third ones that look like scores, are warned of then.

        Args:
            path: Folder to make.
            layout: Layout of every clip.
            classes: Names of the classes, in the order of the labels.
            dtype: ``float32`` or ``float16`` (a precision of 1 mm at 2 m).
            overwrite: Whether to replace what is at ``path``.

        Raises:
            FileExistsError: If ``path`` exists and is not to be overwritten.
            StoreError: If nothing was added, a split points outside the clips, the disk is full, or what is to be
                overwritten is not a store.
        """
        with new_store(Path(path), layout, classes, dtype, overwrite) as writer:
            yield writer
        for remark in remarks(ClipStore(path)):
            warnings.warn(f'{path}: {remark}', stacklevel=3)


@contextmanager
def new_store(
    path: Path, layout: str | Mapping | SkeletonLayout, classes: Sequence[str], dtype: str, overwrite: bool
) -> Iterator[ClipStoreWriter]:
    """:meth:`ClipStore.create` without its warnings."""
    if overwrite and path.exists() and not (path / 'meta.json').exists():
        raise StoreError(f'{path} is not a clip store and is not overwritten: choose another output path.')
    try:
        with folder_written_beside(path, overwrite) as folder:
            with open(folder / 'frames.bin', 'wb') as file:
                writer = ClipStoreWriter(file, get_layout(layout), list(classes), dtype)
                yield writer
            writer.finish(folder, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise StoreError(f'Cannot write {path}: {error}. Nothing was written: free space and start again.') from error


class ClipStoreWriter:
    """Takes the clips of a new store one by one; see :meth:`ClipStore.create`.

    Args:
        file: What becomes ``frames.bin``, at its beginning.
        layout: Layout of every clip.
        classes: Names of the classes.
        dtype: ``float32`` or ``float16``.

    Attributes:
        splits: Split name to positions of its clips, to be filled in by the caller before the block ends.
        source: Facts on origin and processing, likewise; anything JSON can hold.
    """

    def __init__(self, file: Any, layout: SkeletonLayout, classes: list[str], dtype: str) -> None:
        if dtype not in DTYPES:
            raise StoreError(f"A store cannot hold '{dtype}': choose one of {DTYPES}.")
        self.layout = layout
        self.classes = classes
        self.dtype = np.dtype(dtype)
        self.splits: dict[str, Sequence[int]] = {}
        self.source: dict = {}
        self.names: list[str] = []
        self._known: set[str] = set()
        self._file = file
        self._digest = hashlib.sha256()
        self._labels: list[int] = []
        self._shapes: list[tuple[int, int]] = []
        self._attributes: list[dict] = []
        self._num_coords: int | None = None

    def add(self, name: str, label: int | str, clip: np.ndarray, /, **attributes: Any) -> None:
        """Appends a clip.

        Args:
            name: Unique name.
            label: 0-based class, or its name.
            clip: (M, T, V, C) coordinates in metres.
            attributes: Facts on the clip (performer, camera ...), the same keys for every clip.

        Raises:
            ClipError: If the clip does not fit the layout, has no frames, holds NaN or infinite coordinates or a
                person without any, its label is no class, its name was used before, or its attributes are others than
                those of the clips before it. The store is unchanged then.
        """
        clip = np.asarray(clip)
        self._check(name, clip)
        label = self._label(name, label)
        if self._attributes and attributes.keys() != self._attributes[0].keys():
            raise ClipError(
                f'Clip {name!r} has attributes {sorted(attributes)}, the clips before it {sorted(self._attributes[0])}.'
            )
        with np.errstate(over='ignore'):
            rows = np.ascontiguousarray(clip, self.dtype)
        if not np.isfinite(rows).all():
            raise ClipError(f"Clip '{name}' has coordinates too large for {self.dtype}: are they in metres?")
        self._file.write(rows.data)
        self._digest.update(rows.data)
        self._known.add(name)
        self.names.append(name)
        self._labels.append(label)
        self._shapes.append(clip.shape[:2])
        self._attributes.append(attributes)
        self._num_coords = clip.shape[3]

    def _label(self, name: str, label: int | str) -> int:
        if isinstance(label, str):
            if label not in self.classes:
                few = f'{self.classes[:10]}'.removesuffix(']') + (', ...]' if len(self.classes) > 10 else ']')
                raise ClipError(f'Clip {name!r} has label {label!r}, which is not one of the classes {few}.')
            return self.classes.index(label)
        if label not in range(len(self.classes)):
            raise ClipError(f'Clip {name!r} has label {label}, but labels go from 0 to {len(self.classes) - 1}.')
        return int(label)

    def _check(self, name: str, clip: np.ndarray) -> None:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ClipError(f'Clip {name!r} has a name that is not Unicode.') from error
        if name in self._known:
            raise ClipError(f'Clip {name!r} comes twice: names must be unique.')
        check_clip(name, clip, self.layout)
        if self._num_coords not in (None, clip.shape[3]):
            raise ClipError(
                f'Clip {name!r} has {clip.shape[3]} coordinates per joint, the clips before it {self._num_coords}.'
            )

    def finish(self, folder: Path, path: str | os.PathLike) -> None:
        """Writes the rest of the store into ``folder``; ``path`` is where it will be, for messages."""
        if not self.names:
            raise StoreError(f'No usable clip for {path}: nothing was written.')
        for split, positions in self.splits.items():
            outside = [position for position in positions if position not in range(len(self.names))]
            if outside:
                raise StoreError(
                    f'{path}: split {split!r} points at clip {outside[0]}, but the {len(self.names)} clips are counted '
                    f'from 0 to {len(self.names) - 1}: nothing was written.'
                )
        persons, frames = np.array(self._shapes, np.int64).T
        columns = {
            'names': np.char.encode(np.array(self.names), 'utf-8'),
            'labels': np.array(self._labels, np.int64),
            'num_frames': frames,
            'num_persons': persons,
            **{f'split/{key}': np.asarray(value, np.int64) for key, value in self.splits.items()},
            **{f'attribute/{key}': np.array([a[key] for a in self._attributes]) for key in self._attributes[0]},
        }
        # NumPy would pickle them, and no reader of a store unpickles anything.
        objects = [key for key, column in columns.items() if column.dtype.hasobject]
        if objects:
            raise StoreError(f'{path}: {objects} hold neither numbers nor text: nothing was written.')
        np.savez(folder / 'clips.npz', **columns)
        meta = dict(
            format=FORMAT,
            version=VERSION,
            layout=self.layout.to_dict(),
            classes=self.classes,
            dtype=self.dtype.name,
            num_coords=self._num_coords,
            frames_sha256=self._digest.hexdigest(),
            source=self.source,
        )
        (folder / 'meta.json').write_text(json.dumps(meta, indent=1), encoding='utf-8')


def check_clip(name: str, clip: np.ndarray, layout: SkeletonLayout) -> None:
    """Refuses an array that is not a clip (M, T, V, C) of a layout.

    Raises:
        ClipError: If its shape is another, it is empty, holds NaN or infinite coordinates, or a person without any.
    """

    def refuse(reason: str) -> None:
        raise ClipError(f'Clip {name!r} {reason}')

    if clip.ndim != 4:
        refuse(f'has shape {clip.shape}: persons, frames, joints and coordinates (M, T, V, C) are needed.')
    if clip.shape[2] != layout.num_joints:
        refuse(f"has {clip.shape[2]} joints, but layout '{layout.name}' has {layout.num_joints}.")
    if clip.shape[3] not in (2, 3):
        refuse(f'has {clip.shape[3]} coordinates per joint, not 2 or 3: leave confidences and the like out.')
    if clip.size == 0:
        refuse(f'is empty: its shape is {clip.shape}.')
    if not np.issubdtype(clip.dtype, np.number) or not np.isfinite(clip).all():
        refuse('has NaN, infinite or non-numeric coordinates.')
    if not clip.any(axis=(1, 2, 3)).all():
        refuse('has a person whose coordinates are all zero.')


def map_array(path: str | os.PathLike, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Maps a file for reading; processes on one machine share its memory.

    Copy-on-write, because torch has no read-only tensors: a stray write stays in its process and spares the file.
    """
    return np.memmap(path, dtype, 'c', shape=shape)


def _check_columns(columns: Mapping[str, np.ndarray]) -> None:
    num_clips = len(columns['labels'])
    for key, column in columns.items():
        is_split = key.startswith('split/')
        if column.ndim != 1 or (len(column) != num_clips and not is_split):
            raise ValueError(f'{key} has shape {column.shape}, for {num_clips} clips')
        if (is_split or key in ('labels', 'num_frames', 'num_persons')) and column.dtype.kind != 'i':
            raise ValueError(f'{key} holds no whole numbers')


def _prefixed(columns: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): value for key, value in columns.items() if key.startswith(prefix)}
