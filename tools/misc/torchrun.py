"""torchrun that ends with the exit status of its processes, and with 75 if SIGTERM stopped them."""

import os
import signal
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

# Statuses and variable are those of mmskelssl.engine.interruption, which takes seconds to import.
STOPPED = {signal.SIGTERM: os.EX_TEMPFAIL, signal.SIGINT: 128 + signal.SIGINT}
LAUNCHER = 'MMSKELSSL_LAUNCHER'


def main() -> int:
    os.environ[LAUNCHER] = str(os.getpid())
    try:
        run.main()
    # torchrun has passed the signal on to its processes and waited for them.
    except SignalException as stop:
        return STOPPED.get(signal.Signals(stop.sigval), os.EX_TEMPFAIL)
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        status = failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
        if status not in STOPPED.values():
            print(error, file=sys.stderr)
        return status
    return 0


if __name__ == '__main__':
    sys.exit(main())
