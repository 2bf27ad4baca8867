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
from mmskelssl.models.losses.distillation import Neighbourhood, distillation, neighbourhood
from mmskelssl.models.losses.mining import positive_mining
from mmskelssl.models.losses.mutual import Directions, mutual_contrast, mutual_distillation
from mmskelssl.models.losses.similarity import in_full_precision, paired_similarity, similarity

__all__ = [
    'Directions',
    'Neighbourhood',
    'barlow_twins',
    'concentration',
    'consistency',
    'covariance',
    'cross_correlation',
    'distillation',
    'in_full_precision',
    'info_nce',
    'invariance',
    'log_partition',
    'multi_bank_info_nce',
    'mutual_contrast',
    'mutual_distillation',
    'neighbourhood',
    'paired_similarity',
    'positive_mining',
    'similarity',
    'variance',
    'variance_covariance',
]
