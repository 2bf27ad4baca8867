# The second direction of the GRU runs backward in time, as the paper's word says; the official program never does.
_base_ = 'cmd_bigru_1xb256-500e_ntu60-xview.py'
model = dict(backbone=dict(bidirectional=True))
