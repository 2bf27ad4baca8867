from mmskelssl.models.heads.linear import LinearHead

__all__ = ['LinearHead']
