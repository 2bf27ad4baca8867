"""Raw data sets, read and written as clip stores: what is done once for each set."""

from mmskelssl.converters.base import RawClip, Reader
from mmskelssl.converters.convert import convert
from mmskelssl.converters.npy_folder import NpyFolderReader
from mmskelssl.converters.ntu import NTUReader, read_skeleton_file
from mmskelssl.converters.nw_ucla import NWUCLAReader
from mmskelssl.converters.official_arrays import OfficialArraysReader
from mmskelssl.converters.pku_mmd import PKUMMDReader
from mmskelssl.converters.pyskl import PysklReader
from mmskelssl.converters.report import ConversionReport
from mmskelssl.converters.sbu import SBUReader
from mmskelssl.converters.shrec17 import SHREC17Reader
from mmskelssl.converters.synthetic import SyntheticReader
from mmskelssl.converters.utd_mhad import UTDMHADReader

__all__ = [
    'ConversionReport',
    'NTUReader',
    'NWUCLAReader',
    'NpyFolderReader',
    'OfficialArraysReader',
    'PKUMMDReader',
    'PysklReader',
    'RawClip',
    'Reader',
    'SBUReader',
    'SHREC17Reader',
    'SyntheticReader',
    'UTDMHADReader',
    'convert',
    'read_skeleton_file',
]
