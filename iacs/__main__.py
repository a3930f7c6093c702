"""Let `python -m iacs` be the command line."""

import sys

from iacs.cli import main

if __name__ == "__main__":
    sys.exit(main())
