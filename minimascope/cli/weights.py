"""`minimascope weights FILE`: what a checkpoint says without any data, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimascope.cli.progress import shown
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError

ALL = "up to this shorter side every singular value is computed, beyond it the largest"


def command(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="a checkpoint, a folder of shards, or an index")
    ],
    against: Annotated[
        str | None, typer.Option(metavar="FILE", help="an earlier one: how far each layer moved")
    ] = None,
    exact_up_to: Annotated[int, typer.Option(metavar="N", min=256, help=ALL)] = 2048,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
    as_json: AsJson = False,
) -> None:
    """Norms, spectra, dead units, untrained layers, change: a row a layer, no object opened."""
    from minimascope.intake.weighing import weigh
    from minimascope.results.weights import Weights

    own, other = _there(file), None if against is None else _there(against)
    with shown(quiet=quiet) as bar:
        report = weigh(
            own,
            against=other,
            all_up_to=exact_up_to,
            told=lambda fraction, name: bar.at(fraction, "weights", name),
        )
    answer(as_json, report, str(Weights(report)))


def _there(text: str) -> Path:
    """A file or a folder. Raises ProblemError no_such_file."""
    path = Path(text).expanduser()
    if not path.exists():
        raise ProblemError("no_such_file", f"There is no file {text!r}.")
    return path
