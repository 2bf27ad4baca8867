# I²MD's encoder, small enough for CPU cores. SGD trains a small Transformer slowly, so it comes with its optimizer.
encoder = dict(
    type='GCNTransformer',
    gcn_channels=16,
    width=64,
    num_layers=2,
    num_heads=4,
    ffn_channels=128,
)
optimizer = dict(type='AdamW', lr=0.001)
