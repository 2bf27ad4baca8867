_base_ = 'small_gcn_transformer_ntu25.py'
encoder = dict(layout='kinect20', num_persons=1, width=128, ffn_channels=256)
