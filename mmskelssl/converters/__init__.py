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
from mmskelssl.converters.synthetic import SyntheticReader

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
    'SyntheticReader',
    'convert',
    'read_skeleton_file',
]
