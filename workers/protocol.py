"""What a child may say, checked before it goes anywhere.

A child that breaks the protocol is a failed job with a sentence, never a wedged worker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import Inspection, StageState

INSPECTION_FIELDS = ("format", "summary", "warnings")


def progress(event: dict[str, Any]) -> tuple[float, str]:
    """Fraction of the whole job in [0, 1], and words for it."""
    fraction = float(event["fraction"])
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction {fraction}")
    return fraction, str(event.get("message") or event.get("stage", ""))


def stage(event: dict[str, Any]) -> tuple[str, str, float | None]:
    name, state, seconds = str(event["stage"]), str(event["state"]), event.get("seconds")
    if state not in get_args(StageState):
        raise ValueError(f"stage state {state!r}")
    return name, state, None if seconds is None else float(seconds)


def problem(event: dict[str, Any]) -> dict[str, Any]:
    refusal = ProblemError.from_dict(event["problem"])
    if not 400 <= refusal.status <= 599:
        raise ValueError(f"problem status {refusal.status}")
    return refusal.as_dict()


def result(event: dict[str, Any]) -> dict[str, Any]:
    """Inspections keep format, summary and warnings; anything else is kept as it is."""
    value = dict(event["value"])
    known = {name: value[name] for name in INSPECTION_FIELDS if name in value}
    Inspection(state="ok", **known)
    return value


def file(event: dict[str, Any]) -> Path:
    path = Path(event["path"])
    if not path.is_file():
        raise ValueError(f"no file {path.name!r}")
    return path


def broken(event: dict[str, Any], error: Exception) -> dict[str, Any]:
    """The problem of a job whose child said something that cannot be."""
    return ProblemError(
        "bad_result",
        f"The worker's process gave a bad {event.get('event')!r} ({type(error).__name__}).",
        "This is a fault of minimascope; the worker's log has more.",
        status=500,
    ).as_dict()


def not_fetched() -> dict[str, Any]:
    return ProblemError(
        "files_missing",
        "The worker could not fetch the files of this job.",
        "Upload them again, and see that the worker's disk has room.",
        status=500,
    ).as_dict()
