# The masked auto-encoder that MAMP is compared with: coordinates in the place of motion, uniform masks.
_base_ = 'mamp_skeleton-transformer_1xb128-400e_ntu60-xsub.py'
model = dict(target='joint', mask_temperature=0.0)
