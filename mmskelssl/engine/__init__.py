from mmskelssl.engine import checkpoints, hooks, optim, runner, strategies

__all__ = ['hooks', 'optim', 'runner', 'strategies']
