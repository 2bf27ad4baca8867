_base_ = '../../skeletonclr/benchmarks/skeletonclr_bigru128_linear_1xb64-80e_nw-ucla-xview.py'
