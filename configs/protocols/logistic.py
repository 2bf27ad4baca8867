# A linear classifier that has no learning rate: logistic regression on standardized features of whole clips.
protocol = dict(type='LogisticProbe', strengths=(0.0001, 0.001, 0.01, 0.1, 1.0))
