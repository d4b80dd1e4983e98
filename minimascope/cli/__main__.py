"""`python -m minimascope.cli`."""

import sys

from minimascope.cli import main

sys.exit(main())
