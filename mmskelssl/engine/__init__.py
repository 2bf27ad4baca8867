from mmskelssl.engine import checkpoints, hooks, optim, runner, strategies

__all__ = ['checkpoints', 'hooks', 'optim', 'runner', 'strategies']
