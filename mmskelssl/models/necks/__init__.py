from mmskelssl.models.necks.projection import ProjectionNeck

__all__ = ['ProjectionNeck']
