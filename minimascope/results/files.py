"""A result in one file (`minimascope.client.packed`), written and read."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from minimascope.client.packed import NAME, packed
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.machine.writing import write


def save(report: Report, arrays: Mapping[str, np.ndarray], path: str | Path) -> Path:
    """All or nothing. Raises ProblemError cannot_write."""
    return write(path, packed(report, arrays))


def load(path: str | Path) -> tuple[Report, dict[str, np.ndarray]]:
    """Report and arrays; nothing in the file is run. Raises ProblemError."""
    source = Path(path).expanduser()
    if not source.is_file():
        raise ProblemError("no_such_file", f"There is no file {str(path)!r}.")
    try:
        with np.load(source, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        text = arrays.pop(NAME).tobytes()
        return Report.model_validate_json(text), arrays
    except (KeyError, ValueError, EOFError, OSError, AttributeError, zipfile.BadZipFile) as error:
        also = " of a version known here" if isinstance(error, ValidationError) else ""
        raise ProblemError(
            "not_a_report",
            f"{str(path)!r} is no saved report{also}.",
            "Files that `report.save(path)` wrote are read.",
        ) from error
