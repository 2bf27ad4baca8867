from mmskelssl.evaluation.functional import confusion_matrix, knn_predict, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.metrics import KNN, Accuracy

__all__ = ['KNN', 'Accuracy', 'confusion_matrix', 'knn_predict', 'per_class_accuracy', 'topk_accuracy']
