from mmskelssl.evaluation.metrics.accuracy import Accuracy
from mmskelssl.evaluation.metrics.knn import KNN

__all__ = ['KNN', 'Accuracy']
