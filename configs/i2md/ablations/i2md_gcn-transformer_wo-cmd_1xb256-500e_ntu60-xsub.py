# I²MD, tables 6 and 7, row 'I²MD w/o CMD', NTU-60. The paper: linear 81.9, KNN 73.1, transferred to PKU-II 59.5.
_base_ = '../i2md_gcn-transformer_1xb256-500e_ntu60-xsub.py'
model = dict(directions=[])
