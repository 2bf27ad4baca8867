"""Self-supervised learning on 3D skeletons, on MMEngine."""

import warnings

from mmengine.config.utils import MODULE2PACKAGE

from mmskelssl.utils.checkpoints import register_safe_checkpoint_loading
from mmskelssl.version import __version__

# MMEngine looks packages up by it.
warnings.filterwarnings('ignore', message='pkg_resources is deprecated')

# MMEngine imports this package whenever a config names the scope `mmskelssl`,
# so every run, resume and test loads its checkpoints safely.
register_safe_checkpoint_loading()

# Lets configs be named 'mmskelssl::method/file.py'. The name of a module, and not of the distribution, makes MMEngine
# ask Python where the package is; a distribution's location is wrong for editable installs.
MODULE2PACKAGE.setdefault('mmskelssl', 'mmskelssl.version')

__all__ = ['__version__']
