from mmskelssl.models.losses.contrastive import info_nce, log_partition, multi_bank_info_nce
from mmskelssl.models.losses.distillation import Neighbourhood, distillation, neighbourhood
from mmskelssl.models.losses.mining import positive_mining
from mmskelssl.models.losses.similarity import paired_similarity, similarity

__all__ = [
    'Neighbourhood',
    'distillation',
    'info_nce',
    'log_partition',
    'multi_bank_info_nce',
    'neighbourhood',
    'paired_similarity',
    'positive_mining',
    'similarity',
]
