from mmskelssl.apis.models import extract_features, init_model

__all__ = ['extract_features', 'init_model']
