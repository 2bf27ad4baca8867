#!/usr/bin/env bash
# Makes a virtual environment with this checkout installed in it, or brings an earlier one up to date, and prints the
# path of its python.
#
#   python=$(bash tools/misc/make_venv.sh [EXTRA ...])
#
# EXTRA: optional, tests, docs, lint or all, see setup.py.
#
# Environment:
#   MMSKELSSL_VENV   where it is; default: .venv in the checkout
#   PYTHON           interpreter that makes it, 3.10 or newer; default: python3
#   TORCH_SPEC       what to install when the environment has no torch; default: torch==2.13.0, the version the tests
#                    were last run with (any >=2.4 will do)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$(realpath -m "${MMSKELSSL_VENV:-$root/.venv}")
extras=$(IFS=,; echo "$*")

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" >&2; }

[[ -x $venv/bin/python ]] || "${PYTHON:-python3}" -m venv "$venv" >&2

# As long as the files that an installation depends on stay the same, there is nothing to do.
stamp=$venv/mmskelssl-$extras
wanted=$(cat "$root"/requirements/*.txt "$root"/{setup.py,mmskelssl/version.py,tools/misc/make_venv.sh} | cksum)
if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
    echo "make_venv: installing mmskelssl${extras:+[$extras]} in $venv" >&2
    pip show --quiet torch 2>/dev/null || pip install --quiet "${TORCH_SPEC:-torch==2.13.0}"
    pip install --quiet --editable "$root${extras:+[$extras]}"
    # MMEngine and mmcv-lite require opencv-python. Its cv2 needs libGL or X11 and glib, which bare servers and slim
    # containers lack; opencv-python-headless holds the same cv2 without them. Both own the same files, so the first
    # has to go before the second comes.
    if pip show --quiet opencv-python 2>/dev/null; then
        pip uninstall --quiet --yes opencv-python
        pip install --quiet --force-reinstall --no-deps opencv-python-headless
    fi
    echo "$wanted" >"$stamp"
fi

echo "$venv/bin/python"
