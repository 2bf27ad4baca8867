import sys

from mmskelssl.cli.conversion import main

sys.exit(main('utd_mhad'))
