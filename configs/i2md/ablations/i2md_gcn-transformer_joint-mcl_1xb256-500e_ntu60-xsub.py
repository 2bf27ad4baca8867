# I²MD, table 13, row 'DNA + MCL'. The paper: linear 79.2, KNN 68.0.
_base_ = 'i2md_gcn-transformer_joint_1xb256-500e_ntu60-xsub.py'
model = dict(intra_exchange='contrast')
