from mmskelssl.models.algorithms.base import Encoder, MomentumContrast
from mmskelssl.models.algorithms.cmd import CMD
from mmskelssl.models.algorithms.crossclr import CrosSCLR
from mmskelssl.models.algorithms.i2md import I2MD
from mmskelssl.models.algorithms.mmcv_mutual import MMCVMutual
from mmskelssl.models.algorithms.skeletonclr import SkeletonCLR

__all__ = ['CMD', 'I2MD', 'CrosSCLR', 'Encoder', 'MMCVMutual', 'MomentumContrast', 'SkeletonCLR']
