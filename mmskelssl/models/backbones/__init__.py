from mmskelssl.models.backbones.bigru import BiGRU
from mmskelssl.models.backbones.raw import RawCoordinates
from mmskelssl.models.backbones.stgcn import STGCN

__all__ = ['STGCN', 'BiGRU', 'RawCoordinates']
