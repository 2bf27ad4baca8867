# I²MD, table 11, row 'MCL'. The paper: linear 77.3, KNN 64.3.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(exchange='contrast')
