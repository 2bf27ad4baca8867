from mmskelssl.deployment.export import FORMATS, export_model
from mmskelssl.deployment.exported_model import ExportedModel, is_exported
from mmskelssl.deployment.graph import ClipModel

__all__ = ['FORMATS', 'ClipModel', 'ExportedModel', 'export_model', 'is_exported']
