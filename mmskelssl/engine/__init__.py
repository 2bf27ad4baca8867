from mmskelssl.engine import hooks, optim, runner, strategies

__all__ = ['hooks', 'optim', 'runner', 'strategies']
