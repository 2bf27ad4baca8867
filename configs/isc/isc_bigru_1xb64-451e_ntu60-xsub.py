# The recipe of the official program.
_base_ = [
    '../_base_/models/isc_bigru_agcn.py',
    '../_base_/sets/ntu60_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_451e_cmd.py',
    '../_base_/default_runtime.py',
]
