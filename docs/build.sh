#!/usr/bin/env bash
# Builds the site of the documentation in docs/_build/html, without a warning, and prints where it begins.
#
#   bash docs/build.sh [OPTIONS of sphinx-build ...]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$(bash "$root/tools/misc/make_venv.sh" docs)
cd "$root"
"$python" -m sphinx -W --keep-going -q -c docs "$@" . docs/_build/html
echo "$root/docs/_build/html/index.html"
