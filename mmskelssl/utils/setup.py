"""Registration of everything the package holds."""

import importlib

from mmengine import DefaultScope


def register_all_modules(init_default_scope: bool = True) -> None:
    """Imports every module that registers something.

    Args:
        init_default_scope: Whether registries look names up in ``mmskelssl`` first from now on, as they do inside a
            run whose config says ``default_scope = 'mmskelssl'``.
    """
    for module in ('datasets', 'models', 'engine', 'evaluation'):
        importlib.import_module(f'mmskelssl.{module}')
    if init_default_scope and not DefaultScope.check_instance_created('mmskelssl'):
        DefaultScope.get_instance('mmskelssl', scope_name='mmskelssl')
