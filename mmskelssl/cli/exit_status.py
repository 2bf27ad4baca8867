"""How every tool ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from urllib.error import URLError

from mmskelssl.utils.errors import UserError

_DEAD_WORKER = 'A loader worker died: it was killed, ran out of memory, or its store was cut short'


def exit_status(action: Callable[[], int | None]) -> int:
    """Runs the body of a tool; an error that the user can correct becomes one line on standard error.

    Any other exception passes through: Python shows its traceback and exits with status 1.

    Returns:
        What the body returns, 0 if nothing; 1 after an error of the user.
    """
    try:
        return action() or 0
    except UserError as error:
        return _failed(str(error))
    except (ConnectionError, EOFError) as error:  # a worker died while it handed a batch over
        return _failed(f'{_DEAD_WORKER} ({error!r}).')
    except URLError as error:
        return _failed(f'{error.filename or "A file"} could not be downloaded: {error.reason}.')
    except OSError as error:
        if error.filename is None:
            raise
        return _failed(f'{error.filename}: {error.strerror}')
    except RuntimeError as error:
        if not str(error).startswith('DataLoader worker'):
            raise
        return _failed(f'{_DEAD_WORKER} ({error}).')


def _failed(message: str) -> int:
    print(f'error: {message}', file=sys.stderr)
    return 1
