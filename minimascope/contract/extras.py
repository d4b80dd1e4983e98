"""How what is optional is installed: one sentence, which works before any index has the package."""

from __future__ import annotations

import sys
from pathlib import Path

# The application is a wheel of its own; a clone has it as a folder.
SERVER = "pip install /path/to/the/clone/packaging/server"


def adding(extra: str) -> str:
    """The command that adds an extra to the environment that runs this.

    pip finds the minimascope that is installed there and fetches only what the extra names. An
    environment `.venv`, as `make run` makes one, is said by its name, from the folder it lies in:
    a plain `pip` would be that of the shell.
    """
    return f"{_pip()} install 'minimascope[{extra}]'"


def _pip() -> str:
    return ".venv/bin/pip" if Path(sys.prefix).name == ".venv" else "pip"
