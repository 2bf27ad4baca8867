from mmskelssl.models.losses.contrastive import info_nce
from mmskelssl.models.losses.similarity import paired_similarity, similarity

__all__ = ['info_nce', 'paired_similarity', 'similarity']
