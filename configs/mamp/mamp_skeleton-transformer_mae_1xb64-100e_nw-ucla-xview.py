# The masked auto-encoder that MAMP is compared with: coordinates in the place of motion, uniform masks.
_base_ = 'mamp_skeleton-transformer_1xb64-100e_nw-ucla-xview.py'
model = dict(target='joint', mask_temperature=0.0)
