from mmskelssl.evaluation.evaluate import evaluate
from mmskelssl.evaluation.functional import confusion_matrix, knn_predict, nearest, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.metrics import KNN, Accuracy
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.protocols import load_protocol
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.results import load_report

__all__ = [
    'KNN',
    'Accuracy',
    'PretrainedModel',
    'confusion_matrix',
    'evaluate',
    'knn_predict',
    'load_protocol',
    'load_report',
    'nearest',
    'per_class_accuracy',
    'read_pretrained',
    'topk_accuracy',
]
