# The recipe that the official program has for NTU RGB+D 60 x-sub.
_base_ = [
    '../_base_/models/scd_net_decoupled_encoder.py',
    '../_base_/sets/pku_mmd2_xsub.py',
    '../_base_/views/scd_net.py',
    '../_base_/schedules/sgd_451e_cmd.py',
    '../_base_/default_runtime.py',
]
