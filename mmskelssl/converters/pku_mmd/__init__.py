"""PKU-MMD I and II: untrimmed recordings of 25 joints of Kinect v2."""

from mmskelssl.converters.pku_mmd.files import RANGES
from mmskelssl.converters.pku_mmd.reader import ACTIONS, EXPECTED_SPLITS, PHASES, PKUMMDReader
from mmskelssl.converters.pku_mmd.writer import write_pku_tree

__all__ = ['ACTIONS', 'EXPECTED_SPLITS', 'PHASES', 'RANGES', 'PKUMMDReader', 'write_pku_tree']
