"""`minimascope architectures`: what bare weights may be, with the loss of each on the data."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from minimascope.cli.files import given
from minimascope.cli.model_options import made
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.objective import AnyLossName
from minimascope.contract.parameters import Parameters


def command(
    checkpoint: Annotated[str, typer.Option(metavar="FILE", help="trained weights")],
    train: Annotated[str, typer.Option(metavar="FILE", help="the training data")],
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of labels")] = None,
    loss: Annotated[AnyLossName, typer.Option(help="what was minimised")] = "cross_entropy",
    as_json: AsJson = False,
) -> None:
    """A table, least loss first; the JSON of a row is what --architecture takes."""
    from minimascope.intake.networks.candidates import candidate_table

    with tempfile.TemporaryDirectory(prefix="minimascope-") as workdir:
        found = candidate_table(
            given(checkpoint, "checkpoint"),
            given(train, "dataset"),
            asked=made(Parameters, {"loss": loss, "label": label}),
            workdir=Path(workdir),
        )
    rows = [_row(candidate) for candidate in found["candidates"]]
    head = f"{'loss':<11}  {'accuracy':<8}  architecture"
    answer(as_json, found, "\n".join((head, *rows, found["advice"])))


def _row(candidate: dict[str, Any]) -> str:
    accuracy = candidate["accuracy"]
    shown = "-" if accuracy is None else f"{accuracy:.4f}"
    return f"{candidate['loss']:<11.5g}  {shown:<8}  {json.dumps(candidate['architecture'])}"
