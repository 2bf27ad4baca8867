# Joint, motion and bone fused with equal weights: {protocol}-3s.
protocol = dict(type='Ensemble', modalities=('joint', 'motion', 'bone'))
