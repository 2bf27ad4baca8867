from mmskelssl.datasets.transforms.normalize import AlignShoulders, CenterClip
from mmskelssl.datasets.transforms.spatial import JointCorruption, RandomTurn, Shear
from mmskelssl.datasets.transforms.temporal import CenterCropResize, TemporalCropResize, TemporalShift
from mmskelssl.datasets.transforms.wrappers import MultiView, RandomChoice, ViewPipeline

__all__ = [
    'AlignShoulders',
    'CenterClip',
    'CenterCropResize',
    'JointCorruption',
    'MultiView',
    'RandomChoice',
    'RandomTurn',
    'Shear',
    'TemporalCropResize',
    'TemporalShift',
    'ViewPipeline',
]
