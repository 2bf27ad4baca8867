from mmskelssl.models.algorithms import MomentumContrast, SkeletonCLR
from mmskelssl.models.backbones import STGCN, BiGRU, RawCoordinates
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.data_preprocessor import SkeletonDataPreprocessor
from mmskelssl.models.distributed import BatchSplitDataParallel
from mmskelssl.models.heads import LinearHead
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.necks import ProjectionNeck

__all__ = [
    'STGCN',
    'BatchSplitDataParallel',
    'BiGRU',
    'LinearHead',
    'MemoryBank',
    'MomentumContrast',
    'ProjectionNeck',
    'RawCoordinates',
    'SkeletonCLR',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
]
