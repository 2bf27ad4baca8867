# I²MD, table 12, K_d 128. The paper: KNN 73.1.
_base_ = 'i2md_gcn-transformer_joint_1xb256-500e_ntu60-xsub.py'
model = dict(num_aggregated=128)
