import sys

from mmskelssl.cli.conversion import main

sys.exit(main('official_arrays'))
