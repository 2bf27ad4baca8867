"""PKU-MMD I and II: untrimmed recordings of 25 joints of Kinect v2."""

from mmskelssl.converters.pku_mmd.files import RANGES
from mmskelssl.converters.pku_mmd.reader import ACTIONS, EXPECTED_SPLITS, PHASES, PKUMMDReader

__all__ = ['ACTIONS', 'EXPECTED_SPLITS', 'PHASES', 'RANGES', 'PKUMMDReader']
