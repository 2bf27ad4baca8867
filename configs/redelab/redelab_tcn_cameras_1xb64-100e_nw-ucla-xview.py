# The second view is the other training camera's, where it filmed the same performance. The names of clips that say so
# hold their classes too: these numbers stand in tables of their own.
_base_ = 'redelab_tcn_1xb64-100e_nw-ucla-xview.py'
train_dataloader = dict(dataset=dict(mates=dict(same=('label', 'subject', 'repetition'), other='view')))
_view, _whole = _base_.data_preprocessor.train_pipeline[0].transforms
data_preprocessor = dict(
    train_pipeline=[dict(type='MultiView', transforms=[_view, [dict(type='ShowMates'), *_view], _whole], num_views=1)]
)
