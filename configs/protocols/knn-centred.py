# knn.py on features without the mean of the training features, which is a direction that all clips share.
_base_ = 'knn.py'
protocol = dict(features='centred')
