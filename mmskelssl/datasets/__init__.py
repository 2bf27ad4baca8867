from mmskelssl.datasets import transforms
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout, get_layout
from mmskelssl.datasets.sampler import ClipSampler
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset, batch_collate
from mmskelssl.datasets.workers import outlive_interruption

__all__ = [
    'LAYOUTS',
    'ClipBatch',
    'ClipSampler',
    'ClipStore',
    'SkeletonDataset',
    'SkeletonLayout',
    'batch_collate',
    'get_layout',
    'outlive_interruption',
    'transforms',
]
