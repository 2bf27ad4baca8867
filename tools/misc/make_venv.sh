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
#   PYTHON           interpreter that makes it; default: python3
#   TORCH_SPEC       what to install when the environment has no torch; default: torch==2.13.0, the version the tests
#                    were last run with (any >=2.4 will do)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=${MMSKELSSL_VENV:-$root/.venv}
python=${PYTHON:-python3}
torch_spec=${TORCH_SPEC:-torch==2.13.0}

say() { echo "make_venv: $*" >&2; }
die() { say "$*"; exit 1; }

for extra in "$@"; do
    [[ $extra =~ ^(optional|tests|docs|lint|all)$ ]] || die "no extra '$extra'; there are optional, tests, docs, lint, all"
done
case $venv in
    /*) ;;
    *) venv=$PWD/$venv ;;
esac
venv_python=$venv/bin/python
stamps=$venv/.mmskelssl

make_venv() {
    command -v "$python" >/dev/null || die "$python not found; Python 3.10 or newer is needed (PYTHON names another)"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
        || die "$("$python" --version 2>&1) is too old; 3.10 or newer is needed (PYTHON names another)"
    "$python" -c 'import ensurepip, venv' 2>/dev/null \
        || die "$python lacks the venv module; on Debian and Ubuntu: apt-get install python3-venv"
    if [[ -e $venv && ! -e $venv/pyvenv.cfg && -n $(ls -A "$venv") ]]; then
        die "$venv is not a virtual environment and not empty; set MMSKELSSL_VENV to another place"
    fi
    say "virtual environment in $venv"
    "$python" -m venv --clear "$venv"
}

pip() { "$venv_python" -m pip --disable-pip-version-check "$@" >&2; }

has_module() { "$venv_python" -I -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)"; }

has_distribution() { "$venv_python" -m pip --disable-pip-version-check show --quiet "$1" >/dev/null 2>&1; }

# MMEngine and mmcv-lite require opencv-python. Its cv2 needs libGL or X11 and glib, which bare servers and slim
# containers lack; opencv-python-headless holds the same cv2 without them. Both own the same files, so the first has to
# go before the second comes.
use_headless_opencv() {
    if has_distribution opencv-python; then
        say 'replacing opencv-python by opencv-python-headless'
        pip uninstall --quiet --yes opencv-python
        pip install --quiet --force-reinstall --no-deps opencv-python-headless
    fi
}

# What an installation depends on: as long as this output stays the same, there is nothing to do.
fingerprint() {
    cat "$root"/requirements/*.txt "$root"/{setup.py,mmskelssl/version.py,tools/misc/make_venv.sh}
    printf '%s\n' "$root" "$torch_spec"
    "$venv_python" --version
}

"$venv_python" -c '' 2>/dev/null || make_venv

mkdir -p "$stamps"
if command -v flock >/dev/null; then
    exec 9>"$stamps/lock"
    flock --nonblock 9 || { say 'waiting for another installation'; flock 9; }
fi

wanted=$(fingerprint | cksum)
missing=()
for extra in runtime "$@"; do
    [[ -f $stamps/$extra && $(<"$stamps/$extra") == "$wanted" ]] || missing+=("$extra")
done

if ((${#missing[@]})) || ! has_module mmskelssl; then
    if ! has_module torch; then
        say "installing $torch_spec"
        pip install --quiet "$torch_spec"
    fi
    extras=$(IFS=,; echo "$*")
    say "installing mmskelssl${extras:+[$extras]}"
    rm -f "$stamps/runtime"  # stays away if the installation fails
    pip install --quiet --editable "$root${extras:+[$extras]}"
    use_headless_opencv
    for extra in runtime "$@"; do
        echo "$wanted" >"$stamps/$extra"
    done
fi

echo "$venv_python"
