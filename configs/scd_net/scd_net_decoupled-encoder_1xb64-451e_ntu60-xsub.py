# The recipe of the official program.
_base_ = [
    '../_base_/models/scd_net_decoupled_encoder.py',
    '../_base_/sets/ntu60_xsub.py',
    '../_base_/views/scd_net.py',
    '../_base_/schedules/sgd_451e_cmd.py',
    '../_base_/default_runtime.py',
]
