from mmskelssl.models.algorithms import (
    AMR,
    CMD,
    I2MD,
    ISC,
    MAMP,
    SJEPA,
    STARS,
    AimCLR,
    BarlowTwins,
    CrosSCLR,
    Decorrelation,
    MaskedPrediction,
    MMCVMutual,
    MomentumContrast,
    MomentumEncoders,
    SelfSupervised,
    Skeleton2vec,
    SkeletonCLR,
    UmURL,
    VICReg,
)
from mmskelssl.models.backbones import (
    AGCN,
    STGCN,
    STTR,
    BiGRU,
    GCNTransformer,
    RawCoordinates,
    SkeletonTransformer,
    UnifiedSTTR,
)
from mmskelssl.models.base import SkeletonModel
from mmskelssl.models.classifiers import SkeletonClassifier
from mmskelssl.models.data_preprocessor import SkeletonDataPreprocessor
from mmskelssl.models.decoders import QueryDecoder, TokenDecoder
from mmskelssl.models.distributed import BatchSplitDataParallel
from mmskelssl.models.encoder import Encoder, build_backbone
from mmskelssl.models.heads import LinearHead, MLPHead
from mmskelssl.models.memory_bank import MemoryBank
from mmskelssl.models.necks import ProjectionNeck

__all__ = [
    'AGCN',
    'AMR',
    'CMD',
    'I2MD',
    'ISC',
    'MAMP',
    'SJEPA',
    'STARS',
    'STGCN',
    'AimCLR',
    'STTR',
    'BarlowTwins',
    'BatchSplitDataParallel',
    'BiGRU',
    'CrosSCLR',
    'Decorrelation',
    'Encoder',
    'GCNTransformer',
    'LinearHead',
    'MLPHead',
    'MMCVMutual',
    'MaskedPrediction',
    'MemoryBank',
    'MomentumContrast',
    'MomentumEncoders',
    'ProjectionNeck',
    'QueryDecoder',
    'RawCoordinates',
    'SelfSupervised',
    'Skeleton2vec',
    'SkeletonCLR',
    'SkeletonClassifier',
    'SkeletonDataPreprocessor',
    'SkeletonModel',
    'SkeletonTransformer',
    'TokenDecoder',
    'UmURL',
    'UnifiedSTTR',
    'VICReg',
    'build_backbone',
]
