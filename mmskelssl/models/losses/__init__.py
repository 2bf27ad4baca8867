from mmskelssl.models.losses.contrastive import info_nce, log_partition, multi_bank_info_nce
from mmskelssl.models.losses.decorrelation import (
    barlow_twins,
    concentration,
    consistency,
    covariance,
    cross_correlation,
    invariance,
    variance,
    variance_covariance,
)
from mmskelssl.models.losses.distillation import Neighbourhood, distillation, distribution_alignment, neighbourhood
from mmskelssl.models.losses.mining import mined_contrast, nearest, positive_mining
from mmskelssl.models.losses.mutual import Directions, mutual_contrast, mutual_distillation
from mmskelssl.models.losses.neighbours import nearest_neighbours, neighbour_nce
from mmskelssl.models.losses.prediction import (
    distribution_error,
    masked_mean,
    sharpened,
    squared_error,
    weighted_squared_error,
)
from mmskelssl.models.losses.prototypes import class_token_loss, hidden_token_loss, koleo, sinkhorn
from mmskelssl.models.losses.similarity import in_full_precision, paired_similarity, similarity

__all__ = [
    'Directions',
    'Neighbourhood',
    'barlow_twins',
    'class_token_loss',
    'concentration',
    'consistency',
    'covariance',
    'cross_correlation',
    'distillation',
    'distribution_error',
    'distribution_alignment',
    'hidden_token_loss',
    'in_full_precision',
    'info_nce',
    'invariance',
    'koleo',
    'log_partition',
    'masked_mean',
    'mined_contrast',
    'multi_bank_info_nce',
    'mutual_contrast',
    'mutual_distillation',
    'nearest',
    'nearest_neighbours',
    'neighbour_nce',
    'neighbourhood',
    'paired_similarity',
    'positive_mining',
    'sharpened',
    'similarity',
    'sinkhorn',
    'squared_error',
    'variance',
    'weighted_squared_error',
    'variance_covariance',
]
