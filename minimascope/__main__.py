"""`python -m minimascope`, with nothing imported from the folder it is started in."""

import sys
from pathlib import Path

if not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[1]:
    del sys.path[0]  # what -m puts there: the current folder

from minimascope.cli import main

if __name__ == "__main__":
    sys.exit(main())
