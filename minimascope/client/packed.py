"""A result in one file: an .npz of its arrays with the report as JSON among them.

`Result.save` writes it, `minimascope.load` reads it, and the API takes it where a report is
published. A stranger's is opened within bounds: nothing in it is run, and every array has the
shape that its name asks for.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from minimascope.contract.arrays import ARRAYS
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report

NAME = "report.json"  # no array's name
MIB = 1 << 20
MOST_PACKED, MOST_UNPACKED, MOST_REPORT = 64 * MIB, 512 * MIB, 16 * MIB
# Sizes that are one number in all arrays of a result.
SHARED = ("n", "k", "p", "r", "K")
ADVICE = "Give the file that `report.save(path)` writes."


def packed(report: Report, arrays: Mapping[str, np.ndarray]) -> bytes:
    """The file's bytes."""
    text = report.model_dump_json(by_alias=True).encode()
    held = io.BytesIO()
    every: Any = {**arrays, NAME: np.frombuffer(text, dtype=np.uint8)}
    np.savez_compressed(held, **every)
    return held.getvalue()


def unpacked(content: bytes) -> tuple[Report, dict[str, bytes]]:
    """The report, and each array as the bytes of its .npy.

    Raises ProblemError not_a_report, too_large, invalid_report, invalid_array.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_sizes(archive)
            held = {each.removesuffix(".npy"): archive.read(each) for each in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise ProblemError("not_a_report", "The body is no saved report.", ADVICE) from error
    except (RuntimeError, zlib.error) as error:  # encrypted, or damaged within
        raise ProblemError("not_a_report", "The saved report is damaged.", ADVICE) from error
    if NAME not in held:
        raise ProblemError("not_a_report", "The body holds no report.", ADVICE)
    report = _report(_read(NAME, held.pop(NAME)))
    sizes: dict[str, tuple[int, str]] = {}
    for name, each in sorted(held.items()):
        _check_shape(name, _read(name, each), sizes)
    return report, held


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Before anything is unpacked."""
    members = archive.infolist()
    names = [each.filename.removesuffix(".npy") for each in members]
    strange = [name for name in names if name != NAME and name not in ARRAYS]
    if strange:
        raise ProblemError("invalid_array", f"No array is called {strange[0][:80]!r}.")
    if len(set(names)) < len(names):
        raise ProblemError("not_a_report", "The saved report holds an array twice.", ADVICE)
    if sum(each.file_size for each in members) > MOST_UNPACKED:
        raise ProblemError("too_large", f"The arrays are more than {MOST_UNPACKED // MIB} MiB.")


def _read(name: str, content: bytes) -> np.ndarray:
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, MemoryError) as error:
        raise ProblemError("invalid_array", f"{name} is not a .npy file.") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise ProblemError("invalid_array", f"{name} holds no numbers.")
    return found


def _report(text: np.ndarray) -> Report:
    if text.dtype != np.uint8 or text.ndim != 1 or text.size > MOST_REPORT:
        raise ProblemError("invalid_report", "The report is no JSON text, or a very long one.")
    try:
        return Report.model_validate_json(text.tobytes())
    except ValidationError as error:
        place = ".".join(str(each) for each in error.errors()[0]["loc"][:6])[:100]
        sentence = f"The report does not follow its schema ({place or 'as a whole'})."
        raise ProblemError("invalid_report", sentence) from error


def _check_shape(name: str, found: np.ndarray, sizes: dict[str, tuple[int, str]]) -> None:
    """Of one array, and against the sizes that those before it have."""
    wanted = declared(name)
    if "..." in wanted:
        fits = found.ndim >= len(wanted) - 1
        wanted = wanted[: wanted.index("...")]
    else:
        fits = found.ndim == len(wanted)
    numbers = zip(wanted, found.shape, strict=False)
    if not fits or any(each.isdigit() and int(each) != size for each, size in numbers):
        shape = ARRAYS[name].partition(")")[0]
        raise ProblemError(
            "invalid_array", f"{name} has shape {list(found.shape)}, where it is {shape})."
        )
    for each, size in zip(wanted, found.shape, strict=False):
        known, other = sizes.setdefault(each, (size, name)) if each in SHARED else (size, name)
        if known != size:
            raise ProblemError(
                "invalid_array", f"{name} is of {size} where {other} is of {known} ({each})."
            )


def declared(name: str) -> list[str]:
    """The sizes of an array as `ARRAYS` has them: letters and numbers."""
    found = re.match(r"\(([^)]*)\)", ARRAYS[name])
    assert found
    return [each.strip() for each in found[1].split(",") if each.strip()]
