# I²MD, table 8, row 'J ← M'. The paper, linear | KNN: motion 73.1 | 56.8, joint 78.9 | 64.8.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(modalities=['joint', 'motion'], directions=[('motion', 'joint')])
