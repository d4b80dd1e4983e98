"""`minimascope weights FILE`: what a checkpoint says without any data, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minimascope.cli.files import given
from minimascope.cli.progress import shown
from minimascope.cli.terminal import AsJson, answer

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
    """A file, or a folder whose shards are read where they lie; any other folder is packed."""
    from minimascope.intake.weighing import SHARDS

    path = Path(text).expanduser()
    shards = path.is_dir() and any(any(path.glob(each)) for each in SHARDS)
    return path if shards else given(path, "checkpoint")
