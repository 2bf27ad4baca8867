from mmskelssl.apis.inferencer import SkeletonInferencer
from mmskelssl.apis.models import extract_features, init_model
from mmskelssl.evaluation.zoo import find_config, list_models

__all__ = ['SkeletonInferencer', 'extract_features', 'find_config', 'init_model', 'list_models']
