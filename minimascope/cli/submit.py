"""`minimascope submit`: uploads what is a file, queues an analysis, prints its id."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minimascope.cli import schedule_file
from minimascope.cli.model_options import OPTIMIZER_STATE, made, takes
from minimascope.cli.server import Address, Token, client, stored
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.parameters import Parameters


@takes(Parameters, or_file={"schedule": schedule_file.told_by})
def command(
    checkpoint: Annotated[str, typer.Option(metavar="FILE|ID", help="trained weights")],
    train: Annotated[str, typer.Option(metavar="FILE|ID", help="the training data")],
    asked: dict[str, Any],
    test: Annotated[str | None, typer.Option(metavar="FILE|ID", help="held-out data")] = None,
    optimizer_state: Annotated[
        str | None, typer.Option(metavar="FILE|ID", help=OPTIMIZER_STATE)
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="what to call the analysis", show_default=False)
    ] = "",
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Queue an analysis on a server and print its id."""
    from minimascope.contract.schemas import AnalysisRequest

    parameters = made(Parameters, asked)
    with client(server, token) as served:
        request = AnalysisRequest(
            name=name,
            checkpoint=stored(served, "checkpoint", checkpoint),
            train=stored(served, "dataset", train),
            test=stored(served, "dataset", test) if test else None,
            optimizer_state=stored(served, "checkpoint", optimizer_state)
            if optimizer_state
            else None,
            parameters=parameters,
        )
        found = served.submit(request)
    answer(as_json, found, found.id)
