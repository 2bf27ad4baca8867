# I²MD, figure 5, K_c 16,384. The paper: a curve of linear accuracies from 64 to 16,384, without numbers.
_base_ = '../../cmd/cmd_bigru_1xb256-500e_ntu60-xsub.py'
model = dict(num_neighbors=16384)
