"""What the log says on the console."""

from __future__ import annotations

import logging
import re

# MMEngine's modules whose reports (environment, config, hooks, first values of parameters) are for the file.
_FOR_THE_FILE = ('runner', '_flexible_runner', 'base', 'base_module', 'default_constructor')
# Lines that say nothing to a user, whoever they are from.
_NOISE = re.compile('^Exp name:|deprecated in future')


def quieten(logger: logging.Logger) -> logging.Logger:
    """The logger, which leaves MMEngine's long reports to its file."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler) and _is_for_the_console not in handler.filters:
            handler.addFilter(_is_for_the_console)
    return logger


def _is_for_the_console(record: logging.LogRecord) -> bool:
    is_report = record.levelno < logging.WARNING and record.module in _FOR_THE_FILE and '/mmengine/' in record.pathname
    return not is_report and not _NOISE.search(record.getMessage())
