_base_ = ['../_base_/runs/hiclr_stgcn.py', '../_base_/sets/utd_mhad_xsub.py']
model = dict(layout='utd20', num_persons=1)
