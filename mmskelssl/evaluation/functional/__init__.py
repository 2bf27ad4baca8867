from mmskelssl.evaluation.functional.classification import confusion_matrix, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.functional.knn import knn_predict

__all__ = ['confusion_matrix', 'knn_predict', 'per_class_accuracy', 'topk_accuracy']
