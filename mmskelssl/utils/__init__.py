from mmskelssl.utils.errors import (
    CheckpointError,
    ClipError,
    ConfigError,
    LogError,
    NonFiniteError,
    OutputExistsError,
    ReportError,
    StoreError,
    UserError,
)
from mmskelssl.utils.setup import register_all_modules

__all__ = [
    'CheckpointError',
    'ClipError',
    'ConfigError',
    'LogError',
    'NonFiniteError',
    'OutputExistsError',
    'ReportError',
    'StoreError',
    'UserError',
    'register_all_modules',
]
