_base_ = 'skeletonclr_stgcn.py'
model = dict(type='HiCLR', cross_epoch=150, topk=1, follow_weight=0.5, mask_ratio=0.1)
