"""`minimascope interpolate ID ID`: the loss on the straight line between two minima."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minimascope.cli.model_options import made, takes
from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.questions.interpolations import InterpolationCurve, InterpolationRequest
from minimascope.machine.writing import write


@takes(InterpolationRequest, without=("other",))
def command(
    first: Annotated[str, typer.Argument(metavar="ID")],
    second: Annotated[str, typer.Argument(metavar="ID")],
    asked: dict[str, Any],
    output: Annotated[str | None, typer.Option(metavar="FILE.json", help="the whole curve")] = None,
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """The barrier between two minima of one network on one data set."""
    request = made(InterpolationRequest, {**asked, "other": second})
    with client(server, token) as served:
        curve = served.interpolation(first, request)
    if output:
        write(output, curve.model_dump_json().encode())
    answer(as_json, curve, "\n".join(lines(curve)))


def lines(curve: InterpolationCurve) -> list[str]:
    """The barrier of each split in words."""
    found = []
    for name, split in (("train", curve.train), ("test", curve.test)):
        if split is not None:
            barrier = split.barrier
            found.append(
                f"{name}: barrier {barrier.value:.4g} ± {barrier.standard_error:.2g} nats "
                f"at α = {barrier.alpha:.3g} (n = {split.n})"
            )
    return found
