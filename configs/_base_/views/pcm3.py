# PCM³: the two views of ISC (query, key), and one that is cropped and sheared, never corrupted, to be masked.
_base_ = 'isc.py'
_view = _base_.data_preprocessor.train_pipeline[0].transforms
_masked = [_view[0], dict(type='Shear')]
data_preprocessor = dict(
    train_pipeline=[dict(type='MultiView', transforms=[_view, _masked], num_views=[2, 1])],
)
