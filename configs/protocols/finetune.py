# Backbone and classifier trained for at least 1,000 steps. The learning rate is the one that does best on held-out
# training clips after a quarter of the epochs. What inherits from this starts elsewhere or has fewer labels, and makes
# the same effort.
_base_ = 'linear.py'
model = dict(frozen=False)
protocol = dict(min_steps=1000, search_rates=(0.01, 0.03, 0.1, 0.3), search_share=0.25)
