from mmskelssl.models.necks.projection import ProjectionNeck
from mmskelssl.models.necks.prototypes import PrototypeNeck

__all__ = ['ProjectionNeck', 'PrototypeNeck']
