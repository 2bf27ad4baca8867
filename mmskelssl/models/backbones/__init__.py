from mmskelssl.models.backbones.agcn import AGCN
from mmskelssl.models.backbones.bigru import BiGRU
from mmskelssl.models.backbones.class_token_transformer import ClassTokenTransformer
from mmskelssl.models.backbones.decoupled import DecoupledEncoder
from mmskelssl.models.backbones.dste import DSTE
from mmskelssl.models.backbones.gcn_transformer import GCNTransformer
from mmskelssl.models.backbones.raw import RawCoordinates
from mmskelssl.models.backbones.skeleton_transformer import SkeletonTransformer
from mmskelssl.models.backbones.stgcn import STGCN
from mmskelssl.models.backbones.sttr import STTR, UnifiedSTTR
from mmskelssl.models.backbones.tcn import TCN

__all__ = [
    'AGCN',
    'DSTE',
    'STGCN',
    'STTR',
    'TCN',
    'BiGRU',
    'ClassTokenTransformer',
    'DecoupledEncoder',
    'GCNTransformer',
    'RawCoordinates',
    'SkeletonTransformer',
    'UnifiedSTTR',
]
