# Joint and motion fused: {protocol}-2s.
protocol = dict(type='Ensemble', modalities=('joint', 'motion'))
