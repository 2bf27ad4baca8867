from mmskelssl.engine.strategies.sharded_strategy import ShardedStrategy

__all__ = ['ShardedStrategy']
