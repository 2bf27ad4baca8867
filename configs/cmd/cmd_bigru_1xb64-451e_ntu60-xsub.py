# The official program's recipe, by which its weights were made.
_base_ = [
    '../_base_/models/cmd_bigru.py',
    '../_base_/sets/ntu60_xsub.py',
    '../_base_/views/isc.py',
    '../_base_/schedules/sgd_451e_cmd.py',
    '../_base_/default_runtime.py',
]
