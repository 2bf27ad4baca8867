# I²MD, tables 6 and 7, row 'Baseline', NTU-60. The paper: linear 77.8, KNN 65.0, transferred to PKU-II 55.1.
_base_ = '../i2md_gcn-transformer_1xb256-500e_ntu60-xsub.py'
model = dict(directions=[], intra_exchange=None)
find_unused_parameters = True  # cross-attention is there, but not used
