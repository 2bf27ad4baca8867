from mmskelssl.models.algorithms.base import Encoder, MomentumContrast
from mmskelssl.models.algorithms.skeletonclr import SkeletonCLR

__all__ = ['Encoder', 'MomentumContrast', 'SkeletonCLR']
