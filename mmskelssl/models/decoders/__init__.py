from mmskelssl.models.decoders.query import QueryDecoder
from mmskelssl.models.decoders.token import TokenDecoder

__all__ = ['QueryDecoder', 'TokenDecoder']
