# I²MD, table 8, row 'J ⇄ M'. The paper, linear | KNN: motion 77.5 | 67.0, joint 79.8 | 68.7.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(modalities=['joint', 'motion'])
