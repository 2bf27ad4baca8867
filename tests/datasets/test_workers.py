import subprocess
import sys

# The worker starts after its process has gone. It keeps the pipe open for as long as it lives.
SCRIPT = """
import multiprocessing, os, time
from mmskelssl.datasets.workers import leave_signals_to_parent

def work():
    while os.getppid() == multiprocessing.parent_process().pid:
        time.sleep(0.01)
    print('alone', flush=True)
    leave_signals_to_parent(0)
    time.sleep(600)

multiprocessing.get_context('fork').Process(target=work).start()
os._exit(0)
"""


def test_a_worker_ends_whose_process_ended_before_it_began():
    result = subprocess.run([sys.executable, '-c', SCRIPT], capture_output=True, text=True)
    assert result.stdout == 'alone\n' and 'Traceback' not in result.stderr
