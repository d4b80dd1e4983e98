"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from minimascope.contract.problems import ProblemError


def write(path: str | Path, content: bytes) -> Path:
    """All or nothing: a reader never sees half a file. Raises ProblemError `cannot_write`."""
    path = Path(path).expanduser()
    temporary = path.with_name(path.name + ".writing")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        sentence = f"Cannot write {str(path)!r}: {error.strerror}."
        raise ProblemError("cannot_write", sentence, "Choose another file.") from error
    return path
