"""torchrun that ends with the exit status of its processes, and with 75 where SIGTERM stopped them."""

import signal
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from mmskelssl.utils.interruption import name_launcher, stopped_status


def main() -> int:
    name_launcher()
    try:
        run.main()
    # It has passed the signal on to its processes and waited for them.
    except SignalException as stop:
        return stopped_status(signal.Signals(stop.sigval))
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        status = failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
        if status not in (stopped_status(signal.SIGTERM), stopped_status(signal.SIGINT)):
            print(error, file=sys.stderr)
        return status
    return 0


if __name__ == '__main__':
    sys.exit(main())
