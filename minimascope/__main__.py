"""`python -m minimascope`."""

import sys

from minimascope.cli import main

if __name__ == "__main__":
    sys.exit(main())
