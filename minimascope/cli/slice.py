"""`minimascope slice ID`: a plane through input space with its decision boundary, as .npz."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minimascope.cli.model_options import made, takes
from minimascope.cli.server import Address, Token, client
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.questions.slices import SliceRequest
from minimascope.machine.writing import write


@takes(SliceRequest)
def command(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    asked: dict[str, Any],
    output: Annotated[str, typer.Option(metavar="FILE.npz", help="where the plane's arrays go")],
    server: Address = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Compute a plane of the decision boundary."""
    import io

    import numpy as np

    request = made(SliceRequest, asked)
    with client(server, token) as served:
        arrays = served.slice(identifier, request)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write(output, content.getvalue())
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    words = " × ".join(map(str, shapes["slice_alignment"]))
    answer(as_json, {"output": output, "arrays": shapes}, f"{output}: {words} alignments")
