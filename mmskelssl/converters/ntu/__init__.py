"""NTU RGB+D 60 and 120: raw files of 25 joints of Kinect v2, written and read."""

from mmskelssl.converters.ntu.bodies import BODY_SELECTIONS
from mmskelssl.converters.ntu.reader import NTUReader, read_skeleton_file
from mmskelssl.converters.ntu.sets import (
    DATASETS,
    NTU60,
    NTU60_TRAIN_PERFORMERS,
    NTU120,
    NTU120_TRAIN_PERFORMERS,
    NTUDataset,
    clip_name,
    clips_without_skeleton,
    parse_clip_name,
)
from mmskelssl.converters.ntu.skeleton_file import MAX_BODIES, MAX_BYTES, MAX_FRAMES, Bodies, parse_skeleton
from mmskelssl.converters.ntu.writer import write_skeleton_file

__all__ = [
    'BODY_SELECTIONS',
    'DATASETS',
    'MAX_BODIES',
    'MAX_BYTES',
    'MAX_FRAMES',
    'NTU120',
    'NTU120_TRAIN_PERFORMERS',
    'NTU60',
    'NTU60_TRAIN_PERFORMERS',
    'Bodies',
    'NTUDataset',
    'NTUReader',
    'clip_name',
    'clips_without_skeleton',
    'parse_clip_name',
    'parse_skeleton',
    'read_skeleton_file',
    'write_skeleton_file',
]
