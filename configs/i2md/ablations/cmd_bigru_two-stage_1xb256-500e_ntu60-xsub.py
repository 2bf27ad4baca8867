# I²MD, table 10, row 'CMD', two stages. The paper: linear 79.2. It does not give the first stage's length: half, as in
# CrosSCLR.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(cross_epoch=250)
