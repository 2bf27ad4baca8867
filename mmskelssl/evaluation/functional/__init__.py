from mmskelssl.evaluation.functional.classification import confusion_matrix, per_class_accuracy, topk_accuracy
from mmskelssl.evaluation.functional.feature_space import centred, standardized, whitened
from mmskelssl.evaluation.functional.finite import check_finite
from mmskelssl.evaluation.functional.fusion import check_aligned, fuse_scores
from mmskelssl.evaluation.functional.knn import knn_predict, knn_votes
from mmskelssl.evaluation.functional.linear_probe import LinearProbes, LinearRecipe, train_linear_probes
from mmskelssl.evaluation.functional.logistic import logistic_scores
from mmskelssl.evaluation.functional.ranking import nearest
from mmskelssl.evaluation.functional.retrieval import retrieval_metrics
from mmskelssl.evaluation.functional.spread import effective_rank, spread

__all__ = [
    'LinearProbes',
    'LinearRecipe',
    'centred',
    'check_aligned',
    'check_finite',
    'confusion_matrix',
    'effective_rank',
    'fuse_scores',
    'knn_predict',
    'knn_votes',
    'logistic_scores',
    'nearest',
    'per_class_accuracy',
    'retrieval_metrics',
    'spread',
    'standardized',
    'topk_accuracy',
    'train_linear_probes',
    'whitened',
]
