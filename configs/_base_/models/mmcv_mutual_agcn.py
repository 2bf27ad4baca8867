_base_ = 'mmcv_mutual_bigru.py'
model = dict(backbone=dict(_delete_=True, type='AGCN', base_channels=64))
