_base_ = 'cmd_bigru_linear_1xb64-80e_ntu60-xview.py'
model = dict(backbone=dict(bidirectional=True))
