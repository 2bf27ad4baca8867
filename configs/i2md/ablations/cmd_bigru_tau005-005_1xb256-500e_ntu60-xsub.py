# I²MD, table 9, τ_t 0.05, τ_s 0.05. The paper: linear 77.8.
# Joint and motion: what the table gives for 0.05, 0.1 is J ⇄ M of table 8.
_base_ = 'cmd_bigru_j-and-m_1xb256-500e_ntu60-xsub.py'
model = dict(teacher_temperature=0.05, student_temperature=0.05)
