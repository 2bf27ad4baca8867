# The recipe of the official program.
_base_ = [
    '../_base_/models/isc_bigru_agcn.py',
    '../_base_/sets/ntu120_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_351e_isc.py',
    '../_base_/default_runtime.py',
]
