"""`minimascope inspect FILE`: what a checkpoint holds, and what it says of its training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from minimascope.cli.files import given
from minimascope.cli.model_options import options_of
from minimascope.cli.terminal import AsJson, answer


def command(file: Annotated[str, typer.Argument(metavar="FILE")], as_json: AsJson = False) -> None:
    """Say what is in a checkpoint, without running any of it."""
    from minimascope.intake.inspection import inspect_checkpoint

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        path = given(file, "checkpoint")
        found = inspect_checkpoint(path, workdir=Path(workdir))
    answer(as_json, found, "\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"format      {found['format']}"
    if found["layers"]:
        yield f"parameters  {found['parameters']:,} of {found['dtype']}"
        yield f"tensors     {len(found['layers'])}"
    yield from filter(None, (found["picked"], *found["warnings"]))
    for row in found["taken"]:
        yield f"{'taken' if row['taken'] else 'left':<11} {row['part']}: {row['words']}"
    training = found.get("training")
    if training is None:
        return
    if training["words"]:
        yield f"training    {', '.join(training['words'])}"
    if training["fields"]:
        yield f"as options  {options_of(training['fields'])}"
    yield from training["open"]
