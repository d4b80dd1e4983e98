"""A result in one file: an .npz of its arrays with the report as JSON among them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.machine.writing import write

NAME = "report.json"  # no array's name


def save(report: Report, arrays: Mapping[str, np.ndarray], path: str | Path) -> Path:
    """All or nothing. Raises ProblemError cannot_write."""
    text = report.model_dump_json(by_alias=True).encode()
    held = io.BytesIO()
    every: Any = {**arrays, NAME: np.frombuffer(text, dtype=np.uint8)}
    np.savez_compressed(held, **every)
    return write(path, held.getvalue())


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
