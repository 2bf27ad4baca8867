from mmskelssl.engine import hooks, optim, runner

__all__ = ['hooks', 'optim', 'runner']
