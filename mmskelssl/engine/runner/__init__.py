from mmskelssl.engine.runner.gallery_loops import GalleryTestLoop, GalleryValLoop
from mmskelssl.engine.runner.runner import FlexibleRunner, Runner
from mmskelssl.engine.runner.train_loop import EpochBasedTrainLoop

__all__ = ['EpochBasedTrainLoop', 'FlexibleRunner', 'GalleryTestLoop', 'GalleryValLoop', 'Runner']
