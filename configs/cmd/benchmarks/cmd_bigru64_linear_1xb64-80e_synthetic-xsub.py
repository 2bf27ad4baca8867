_base_ = '../../skeletonclr/benchmarks/skeletonclr_bigru64_linear_1xb64-80e_synthetic-xsub.py'
