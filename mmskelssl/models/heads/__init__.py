from mmskelssl.models.heads.linear import LinearHead
from mmskelssl.models.heads.mlp import MLPHead

__all__ = ['LinearHead', 'MLPHead']
