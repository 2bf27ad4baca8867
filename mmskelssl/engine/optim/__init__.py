from mmskelssl.engine.optim.bfloat16_optim_wrapper import BFloat16OptimWrapper
from mmskelssl.engine.optim.grouped_constructor import GroupedConstructor
from mmskelssl.engine.optim.layer_decay_constructor import LayerDecayConstructor

__all__ = ['BFloat16OptimWrapper', 'GroupedConstructor', 'LayerDecayConstructor']
