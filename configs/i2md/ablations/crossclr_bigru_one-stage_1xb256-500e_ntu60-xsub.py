# I²MD, table 10, row 'CrosSCLR-B', one stage. The paper: linear 57.6.
_base_ = '../../crossclr/crossclr_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(cross_epoch=0)
