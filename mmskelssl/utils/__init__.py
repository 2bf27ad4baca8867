from mmskelssl.utils.errors import CheckpointError, ClipError, NonFiniteError, StoreError
from mmskelssl.utils.setup_env import register_all_modules

__all__ = ['CheckpointError', 'ClipError', 'NonFiniteError', 'StoreError', 'register_all_modules']
