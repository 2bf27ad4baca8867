_base_ = 'knn.py'
protocol = dict(k=20)
