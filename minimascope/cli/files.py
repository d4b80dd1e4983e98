"""Files that a command is given, refused in one sentence each."""

from __future__ import annotations

import os
from pathlib import Path

from minimascope.contract.problems import ProblemError


def existing(text: str | Path) -> Path:
    """Raises ProblemError `no_such_file`."""
    path = Path(text).expanduser()
    if path.is_dir():
        raise ProblemError("no_such_file", f"{str(text)!r} is a folder; a file is needed.")
    if not path.is_file():
        raise ProblemError("no_such_file", f"There is no file {str(text)!r}.")
    return path


def writable(path: str | Path) -> None:
    """Raises ProblemError `cannot_write` before hours of work rather than after them."""
    path = Path(path).expanduser()
    if path.is_dir():
        reason, advice = "it is a folder", "Name a file in it."
    elif not path.parent.is_dir():
        reason, advice = f"there is no folder {str(path.parent)!r}", "Make the folder first."
    elif not os.access(path.parent, os.W_OK):
        reason, advice = "its folder may not be written to", "Choose another file."
    else:
        return
    raise ProblemError("cannot_write", f"Cannot write {str(path)!r}: {reason}.", advice)
