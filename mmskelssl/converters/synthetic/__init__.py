from mmskelssl.converters.synthetic.reader import SyntheticReader

__all__ = ['SyntheticReader']
