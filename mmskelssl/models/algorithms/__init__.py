from mmskelssl.models.algorithms.aimclr import AimCLR
from mmskelssl.models.algorithms.amr import AMR
from mmskelssl.models.algorithms.banked import Banked
from mmskelssl.models.algorithms.barlow_twins import BarlowTwins
from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.algorithms.cmd import CMD
from mmskelssl.models.algorithms.crossclr import CrosSCLR
from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.algorithms.hiclr import HiCLR
from mmskelssl.models.algorithms.i2md import I2MD
from mmskelssl.models.algorithms.isc import ISC
from mmskelssl.models.algorithms.mamp import MAMP
from mmskelssl.models.algorithms.masked import MaskedPrediction
from mmskelssl.models.algorithms.mmcv_mutual import MMCVMutual
from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast, MomentumEncoders
from mmskelssl.models.algorithms.pcm3 import PCM3
from mmskelssl.models.algorithms.pstl import PSTL
from mmskelssl.models.algorithms.redelab import ReDeLab
from mmskelssl.models.algorithms.scd_net import SCDNet
from mmskelssl.models.algorithms.self_distillation import SelfDistillation
from mmskelssl.models.algorithms.sjepa import SJEPA
from mmskelssl.models.algorithms.skelemixclr import SkeleMixCLR
from mmskelssl.models.algorithms.skeleton2vec import Skeleton2vec
from mmskelssl.models.algorithms.skeletonclr import SkeletonCLR
from mmskelssl.models.algorithms.slim import SLiM
from mmskelssl.models.algorithms.stars import STARS
from mmskelssl.models.algorithms.umurl import UmURL
from mmskelssl.models.algorithms.usdrl import USDRL
from mmskelssl.models.algorithms.vicreg import VICReg

__all__ = [
    'AMR',
    'CMD',
    'I2MD',
    'ISC',
    'MAMP',
    'PCM3',
    'PSTL',
    'SJEPA',
    'AimCLR',
    'STARS',
    'Banked',
    'USDRL',
    'BarlowTwins',
    'CrosSCLR',
    'Decorrelation',
    'Entity',
    'HiCLR',
    'MMCVMutual',
    'MaskedPrediction',
    'MomentumContrast',
    'MomentumEncoders',
    'ReDeLab',
    'SCDNet',
    'SLiM',
    'SelfDistillation',
    'SelfSupervised',
    'Skeleton2vec',
    'SkeleMixCLR',
    'SkeletonCLR',
    'UmURL',
    'VICReg',
]
