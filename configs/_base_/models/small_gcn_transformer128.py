_base_ = 'small_gcn_transformer64.py'
encoder = dict(width=128, ffn_channels=256)
