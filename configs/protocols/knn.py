# The nearest training clip by cosine similarity of the backbone's features; retrieval on the same.
protocol = dict(type='NearestNeighbours', k=1, recalls=(1, 5, 10))
