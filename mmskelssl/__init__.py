"""Self-supervised learning on 3D skeletons, on MMEngine."""

from mmskelssl.utils.checkpoint import register_safe_checkpoint_loading
from mmskelssl.version import __version__

# MMEngine imports this package whenever a config names the scope `mmskelssl`,
# so every run, resume and test loads its checkpoints safely.
register_safe_checkpoint_loading()

__all__ = ['__version__']
