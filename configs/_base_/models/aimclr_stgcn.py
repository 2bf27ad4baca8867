_base_ = 'skeletonclr_stgcn.py'
model = dict(type='AimCLR', cross_epoch=150, topk=1, follow_weight=0.5, drop_threshold=0.7)
