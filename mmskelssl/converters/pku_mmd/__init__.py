from mmskelssl.datasets.readers.pku_mmd.files import RANGES
from mmskelssl.datasets.readers.pku_mmd.reader import ACTIONS, EXPECTED_SPLITS, PHASES, PKUMMDReader
from mmskelssl.datasets.readers.pku_mmd.writer import write_pku_tree

__all__ = ['ACTIONS', 'EXPECTED_SPLITS', 'PHASES', 'RANGES', 'PKUMMDReader', 'write_pku_tree']
