# I²MD, table 12, K_d 64, and table 13, row 'DNA + MD'. The paper: linear 81.9, KNN 73.1.
_base_ = '../i2md_gcn-transformer_1xb256-500e_ntu60-xsub.py'
model = dict(modalities=['joint'])
