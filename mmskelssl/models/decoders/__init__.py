from mmskelssl.models.decoders.frame import FrameDecoder
from mmskelssl.models.decoders.query import QueryDecoder
from mmskelssl.models.decoders.token import TokenDecoder

__all__ = ['FrameDecoder', 'QueryDecoder', 'TokenDecoder']
