"""Child registries of MMEngine's, all under the scope ``mmskelssl``."""

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry


def _child(parent: Registry, module: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='mmskelssl', locations=[module])


MODELS = _child(MMENGINE_MODELS, 'mmskelssl.models')
DATASETS = _child(MMENGINE_DATASETS, 'mmskelssl.datasets')
DATA_SAMPLERS = _child(MMENGINE_DATA_SAMPLERS, 'mmskelssl.datasets')
TRANSFORMS = _child(MMENGINE_TRANSFORMS, 'mmskelssl.datasets')
FUNCTIONS = _child(MMENGINE_FUNCTIONS, 'mmskelssl.datasets')
HOOKS = _child(MMENGINE_HOOKS, 'mmskelssl.engine')
LOOPS = _child(MMENGINE_LOOPS, 'mmskelssl.engine')
METRICS = _child(MMENGINE_METRICS, 'mmskelssl.evaluation')
