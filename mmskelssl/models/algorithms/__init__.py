from mmskelssl.models.algorithms.barlow_twins import BarlowTwins
from mmskelssl.models.algorithms.base import SelfSupervised
from mmskelssl.models.algorithms.cmd import CMD
from mmskelssl.models.algorithms.crossclr import CrosSCLR
from mmskelssl.models.algorithms.decorrelation import Decorrelation
from mmskelssl.models.algorithms.i2md import I2MD
from mmskelssl.models.algorithms.mmcv_mutual import MMCVMutual
from mmskelssl.models.algorithms.momentum import Entity, MomentumContrast, MomentumEncoders
from mmskelssl.models.algorithms.skeletonclr import SkeletonCLR
from mmskelssl.models.algorithms.umurl import UmURL
from mmskelssl.models.algorithms.usdrl import USDRL
from mmskelssl.models.algorithms.vicreg import VICReg

__all__ = [
    'CMD',
    'I2MD',
    'USDRL',
    'BarlowTwins',
    'CrosSCLR',
    'Decorrelation',
    'Entity',
    'MMCVMutual',
    'MomentumContrast',
    'MomentumEncoders',
    'SelfSupervised',
    'SkeletonCLR',
    'UmURL',
    'VICReg',
]
