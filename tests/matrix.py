"""Runs the tests with every version of Python, torch and NumPy that the workflow names, where an interpreter is there.

Each row gets a virtual environment of its own, with the package installed from a wheel first, outside of the checkout,
and then from the checkout for the tests.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / '.github' / 'workflows' / 'tests.yml'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--row', nargs=3, metavar=('PYTHON', 'TORCH', 'NUMPY'), help='this one only; an empty version is the newest'
    )
    parser.add_argument('tests', nargs='*', default=['tests'], help='arguments of pytest (default: %(default)s)')
    args = parser.parse_args()
    results = {' '.join(row): run(*row, args.tests) for row in ([args.row] if args.row else rows())}
    for row, result in results.items():
        print(f'{row}: {result}')
    return int(any(result == 'failed' for result in results.values()))


def rows() -> list[list[str]]:
    """Python, torch and NumPy of each row of the workflow."""
    import yaml  # comes with MMEngine; a single row does without

    workflow = yaml.safe_load(WORKFLOW.read_text(encoding='utf-8'))
    matrix = workflow['jobs']['tests']['strategy']['matrix']['include']
    return [[row['python'], row['torch'], row['numpy']] for row in matrix]


def run(python: str, torch: str, numpy: str, tests: list[str]) -> str:
    interpreter = shutil.which(f'python{python}')
    # A name that is there may still be a shim of a version that is not.
    if interpreter is None or subprocess.run([interpreter, '-c', ''], capture_output=True).returncode:
        return f'not run, there is no python{python}'
    pinned = [f'torch=={torch}' if torch else 'torch', f'numpy=={numpy}' if numpy else 'numpy']
    with tempfile.TemporaryDirectory() as folder:
        own = f'{folder}/venv/bin/python'
        install = [own, '-m', 'pip', 'install', '-q', *pinned]
        commands = [
            (folder, [interpreter, '-m', 'venv', 'venv']),
            (folder, install),
            (folder, [*install, str(ROOT)]),
            (folder, [own, '-m', 'mmskelssl', 'models', 'cmd_*']),
            (folder, [*install, '-e', f'{ROOT}[tests]']),
            (ROOT, [own, '-m', 'pytest', '-q', '-n', 'auto', '--dist', 'loadfile', '--no-loadscope-reorder', *tests]),
        ]
        one_thread = dict(os.environ, OMP_NUM_THREADS='1')
        worked = all(subprocess.run(command, cwd=place, env=one_thread).returncode == 0 for place, command in commands)
    return 'passed' if worked else 'failed'


if __name__ == '__main__':
    sys.exit(main())
