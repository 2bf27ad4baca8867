from mmskelssl.datasets.transforms.base import Normalization, SkeletonTransform
from mmskelssl.datasets.transforms.frames import CutFrames, TemporalBlur, TemporalFlip, TemporalMask
from mmskelssl.datasets.transforms.nested import NestedCrops
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
from mmskelssl.datasets.transforms.rotation import MainAxisRotation, RandomRotation
from mmskelssl.datasets.transforms.skeletal import LeftRightFlip, LimbScale, NeighborMask
from mmskelssl.datasets.transforms.spatial import (
    AxisMask,
    GaussianNoise,
    JointCorruption,
    JointOffset,
    RandomTurn,
    Shear,
)
from mmskelssl.datasets.transforms.temporal import CenterCropResize, TemporalCropResize, TemporalShift
from mmskelssl.datasets.transforms.wrappers import MultiView, RandomApply, RandomChoice, ShowMates, ViewPipeline

__all__ = [
    'AlignShoulders',
    'AxisMask',
    'CenterClip',
    'CenterCropResize',
    'CenterPersons',
    'CutFrames',
    'GaussianNoise',
    'JointCorruption',
    'JointOffset',
    'LeftRightFlip',
    'LimbScale',
    'MainAxisRotation',
    'MultiView',
    'NeighborMask',
    'NestedCrops',
    'Normalization',
    'PreNormalize',
    'RandomApply',
    'RandomChoice',
    'RandomRotation',
    'RandomTurn',
    'ResizeClips',
    'ScaleBones',
    'Shear',
    'ShowMates',
    'SkeletonTransform',
    'TemporalBlur',
    'TemporalCropResize',
    'TemporalFlip',
    'TemporalMask',
    'TemporalShift',
    'ViewPipeline',
    'normalize_clip',
    'pre_normalize',
]
