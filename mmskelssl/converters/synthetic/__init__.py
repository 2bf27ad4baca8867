from mmskelssl.datasets.readers.synthetic.reader import SyntheticReader

__all__ = ['SyntheticReader']
