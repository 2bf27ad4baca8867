# The recipe that the official program has for NTU RGB+D 60.
_base_ = [
    '../_base_/models/isc_bigru_agcn.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_451e_cmd.py',
    '../_base_/default_runtime.py',
]
