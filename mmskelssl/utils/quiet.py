"""What nobody asked MMEngine to say."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger


@contextmanager
def without_list_of_parameters() -> Iterator[None]:
    """MMEngine logs where the first value of each parameter comes from, and its decay; not inside of this."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
