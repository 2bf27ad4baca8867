"""Checks of a finished clip store, and differences between two preparations of a data set."""

from mmskelssl.converters.doctor.compare import Comparison, Difference, compare
from mmskelssl.converters.doctor.verify import Verification, verify

__all__ = ['Comparison', 'Difference', 'Verification', 'compare', 'verify']
