from mmskelssl.datasets import transforms
from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout, get_layout
from mmskelssl.datasets.sampler import ClipSampler
from mmskelssl.datasets.skeleton_dataset import SkeletonDataset, batch_collate
from mmskelssl.datasets.workers import leave_signals_to_parent

__all__ = [
    'LAYOUTS',
    'ClipBatch',
    'ClipSampler',
    'ClipStore',
    'SkeletonDataset',
    'SkeletonLayout',
    'batch_collate',
    'get_layout',
    'leave_signals_to_parent',
    'transforms',
]
