#!/usr/bin/env bash
# Runs the tests in a virtual environment that it makes if need be (tools/misc/make_venv.sh).
#
#   bash tools/run_tests.sh [PYTEST_ARGS ...]      e.g. -k clip_store; -n 0 runs them in one process
#
# Tests on real recordings and reference values look for them in the folder that MMSKELSSL_SHARED names, and are
# skipped without it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$(bash "$root/tools/misc/make_venv.sh" tests)

cd "$root"
# As many processes as cores, of one thread each; the longest file, which conftest.py puts in front, begins first.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$python" -m pytest -q -n auto --dist loadfile --no-loadscope-reorder tests "$@"
