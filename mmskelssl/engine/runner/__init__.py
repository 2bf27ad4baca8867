from mmskelssl.engine.runner.gallery_loops import GalleryTestLoop, GalleryValLoop

__all__ = ['GalleryTestLoop', 'GalleryValLoop']
