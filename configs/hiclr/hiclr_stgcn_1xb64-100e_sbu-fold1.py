_base_ = ['../_base_/runs/hiclr_stgcn.py', '../_base_/sets/sbu_fold1.py']
model = dict(layout='sbu15', num_persons=2, queue_size=128)
