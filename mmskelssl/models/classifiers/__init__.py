from mmskelssl.models.classifiers.classifier import SkeletonClassifier

__all__ = ['SkeletonClassifier']
