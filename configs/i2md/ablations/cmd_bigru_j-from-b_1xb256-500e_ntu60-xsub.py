# I²MD, table 8, row 'J ← B'. The paper, linear | KNN: bone 74.4 | 62.0, joint 76.5 | 64.3.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(modalities=['joint', 'bone'], directions=[('bone', 'joint')])
