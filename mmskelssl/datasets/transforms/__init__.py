from mmskelssl.datasets.transforms.base import Normalization, SkeletonTransform
from mmskelssl.datasets.transforms.normalize import (
    AlignShoulders,
    CenterClip,
    CenterPersons,
    PreNormalize,
    ResizeClips,
    ScaleBones,
    normalize_clip,
    pre_normalize,
)
from mmskelssl.datasets.transforms.spatial import JointCorruption, RandomTurn, Shear
from mmskelssl.datasets.transforms.temporal import CenterCropResize, TemporalCropResize, TemporalShift
from mmskelssl.datasets.transforms.wrappers import MultiView, RandomChoice, ViewPipeline

__all__ = [
    'AlignShoulders',
    'CenterClip',
    'CenterCropResize',
    'CenterPersons',
    'JointCorruption',
    'MultiView',
    'Normalization',
    'PreNormalize',
    'RandomChoice',
    'RandomTurn',
    'ResizeClips',
    'ScaleBones',
    'Shear',
    'SkeletonTransform',
    'TemporalCropResize',
    'TemporalShift',
    'ViewPipeline',
    'normalize_clip',
    'pre_normalize',
]
