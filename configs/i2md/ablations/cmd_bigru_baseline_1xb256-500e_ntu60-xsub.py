# I²MD, table 8, row 'Baseline', and table 11. The paper, linear | KNN: bone 74.4 | 62.0, motion 73.1 | 56.8,
# joint 76.1 | 63.4.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(directions=[])
