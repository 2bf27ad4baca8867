"""A synthetic data set of moving bodies, made by forward kinematics."""

from mmskelssl.converters.synthetic.reader import SyntheticReader

__all__ = ['SyntheticReader']
