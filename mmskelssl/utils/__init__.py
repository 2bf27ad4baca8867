from mmskelssl.utils.errors import CheckpointError, ClipError, StoreError
from mmskelssl.utils.setup_env import register_all_modules

__all__ = ['CheckpointError', 'ClipError', 'StoreError', 'register_all_modules']
