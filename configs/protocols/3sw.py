# Joint, motion and bone fused with weights chosen on held-out training clips: {protocol}-3sw.
_base_ = '3s.py'
protocol = dict(weights='held-out')
