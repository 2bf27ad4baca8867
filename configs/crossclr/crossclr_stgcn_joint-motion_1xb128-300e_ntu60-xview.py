# 2s-CrosSCLR.
_base_ = 'crossclr_stgcn_1xb128-300e_ntu60-xview.py'
model = dict(modalities=['joint', 'motion'])
