_base_ = ['../_base_/runs/skeleton2vec_small.py', '../_base_/sets/shrec17.py']
model = dict(layout='hand22', num_persons=1)
