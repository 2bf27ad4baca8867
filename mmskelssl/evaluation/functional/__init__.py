from mmskelssl.evaluation.functional.classification import confusion_matrix, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.functional.knn import knn_predict
from mmskelssl.evaluation.functional.spread import effective_rank, spread

__all__ = ['confusion_matrix', 'effective_rank', 'knn_predict', 'per_class_accuracy', 'spread', 'topk_accuracy']
