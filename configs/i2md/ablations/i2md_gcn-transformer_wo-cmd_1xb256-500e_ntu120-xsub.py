# I²MD, tables 6 and 7, row 'I²MD w/o CMD', NTU-120. The paper: linear 72.6, KNN 61.2, transferred to PKU-II 59.6.
_base_ = '../i2md_gcn-transformer_1xb256-500e_ntu120-xsub.py'
model = dict(directions=[])
