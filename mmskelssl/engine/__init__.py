from mmskelssl.engine import checkpoints, hooks, interruption, optim, runner, strategies

__all__ = ['checkpoints', 'hooks', 'interruption', 'optim', 'runner', 'strategies']
