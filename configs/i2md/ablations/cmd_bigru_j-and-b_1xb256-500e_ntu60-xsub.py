# I²MD, table 8, row 'J ⇄ B'. The paper, linear | KNN: bone 76.6 | 65.9, joint 77.7 | 66.5.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(modalities=['joint', 'bone'])
