from mmskelssl.models.algorithms import (
    CMD,
    I2MD,
    USDRL,
    BarlowTwins,
    CrosSCLR,
    Decorrelation,
    MMCVMutual,
    MomentumContrast,
    MomentumEncoders,
    SelfSupervised,
    SkeletonCLR,
    UmURL,
    VICReg,
)
from mmskelssl.models.backbones import AGCN, DSTE, STGCN, STTR, BiGRU, GCNTransformer, RawCoordinates, UnifiedSTTR
from mmskelssl.models.base import SkeletonModel
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.data_preprocessor import SkeletonDataPreprocessor
from mmskelssl.models.distributed import BatchSplitDataParallel
from mmskelssl.models.encoder import Encoder, build_backbone
from mmskelssl.models.heads import LinearHead
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.necks import ProjectionNeck

__all__ = [
    'AGCN',
    'CMD',
    'DSTE',
    'I2MD',
    'STGCN',
    'STTR',
    'USDRL',
    'BarlowTwins',
    'BatchSplitDataParallel',
    'BiGRU',
    'CrosSCLR',
    'Decorrelation',
    'Encoder',
    'GCNTransformer',
    'LinearHead',
    'MMCVMutual',
    'MemoryBank',
    'MomentumContrast',
    'MomentumEncoders',
    'ProjectionNeck',
    'RawCoordinates',
    'SelfSupervised',
    'SkeletonCLR',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonModel',
    'UmURL',
    'UnifiedSTTR',
    'VICReg',
    'build_backbone',
]
