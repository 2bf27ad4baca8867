# knn.py on the 64 directions in which training features vary most, each scaled to unit variance.
_base_ = 'knn.py'
protocol = dict(features='whitened')
