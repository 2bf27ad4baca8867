_base_ = 'skeletonclr_stgcn.py'
model = dict(type='CrosSCLR', modalities=['joint', 'motion', 'bone'], cross_epoch=150, topk=1, context=True)
