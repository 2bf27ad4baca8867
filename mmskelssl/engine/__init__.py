from mmskelssl.engine import hooks, runner

__all__ = ['hooks', 'runner']
