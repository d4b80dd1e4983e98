"""The compare page's line between two minima: choice, curve, the barrier in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.components.choice import select
from dashboard.components.plot import panel
from dashboard.components.words import number, with_error
from dashboard.pages.compare.measures import Minimum, letters
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.interpolations import (
    Barrier,
    InterpolationCurve,
    InterpolationRequest,
)
from minimascope.figures.interpolation import interpolation_figure

PATIENCE_SECONDS = 300.0
LABEL = "Loss and accuracy on the straight line between the weights of two minima."
STATISTICS = {
    "none": "",
    "recomputed": (
        "BatchNorm's running statistics were recomputed on the training set at every α, the ends "
        "too (Jordan et al. 2022)."
    ),
    "interpolated": (
        "The running statistics in these files were interpolated like weights, since the network "
        "has no BatchNorm layer to recompute them with: part of a barrier may be theirs."
    ),
}


def line_panel(minima: Sequence[Minimum], query: dict[str, Any]) -> html.Div | None:
    """Nothing below two minima."""
    if len(minima) < 2:
        return None
    names = {m.numbers.id: f"{letters(i)} {m.name}" for i, m in enumerate(minima)}
    ids = list(names)
    first = query["from"] if query.get("from") in names else ids[0]
    other = next(each for each in ids if each != first)
    last = query["to"] if query.get("to") in names else other
    selects = html.Div(
        [
            select("line-from", names, str(first), label="From"),
            select("line-to", names, str(last), label="To"),
        ],
        className="controls",
    )
    words = html.Div(
        html.P("A worker follows the loss along the line.", className="hint"),
        id="line-words",
        role="status",
    )
    stores = [dcc.Store(id="line-wanted"), dcc.Store(id="line-drawn")]
    below = html.Div([words, *stores])
    title = "The straight line between two"
    drawn = panel("line", title, LABEL, height=420, above=selects, below=below)
    return html.Div(drawn, id="line-panel")


def _height(barrier: Barrier) -> str:
    value, error = with_error(barrier.value, barrier.standard_error)
    return f"{value} {error}".strip()


def _barrier(split: str, barrier: Barrier) -> str:
    """One sentence: the highest rise above the chord against twice its standard error."""
    if barrier.value <= 2 * barrier.standard_error:
        return (
            f"No barrier on the {split} loss: it rises at most {_height(barrier)} nats above a "
            "straight change from one end to the other."
        )
    return (
        f"On the {split} loss a barrier of {_height(barrier)} nats stands between them, highest at "
        f"α = {number(barrier.alpha, 2)}."
    )


def line_words(curve: InterpolationCurve) -> list[html.P]:
    """What the curve says: the barriers, what they mean, what was done on the way."""
    said = _barrier("training", curve.train.barrier)
    if curve.test is not None:
        said += " " + _barrier("test", curve.test.barrier)
    barrier = curve.train.barrier
    connected = barrier.value <= 2 * barrier.standard_error
    meaning = (
        "The two are linearly connected (Frankle et al. 2020)."
        if connected
        else "The height is above a straight change from one end to the other. The same network "
        "with its neurons in another order has a barrier too (Entezari et al. 2022), so it alone "
        "does not prove two different solutions."
    )
    apart = f"The ends are {number(curve.distance)} apart in weight space. Bands: ± 1 s.e."
    rest = " ".join(part for part in (meaning, apart, STATISTICS[curve.statistics]) if part)
    return [html.P(said, className="line-said"), html.P(rest, className="hint")]


def _letter_of(data: dict[str, Any], identifier: str) -> str:
    ids = [m["numbers"]["id"] for m in data["minima"]]
    return letters(ids.index(identifier))


def register(pages: Dash, client: AsyncClient) -> None:
    """Asked for when the panel is first in the window, and at every choice after that; the API
    knows what it computed before.
    """

    @pages.callback(
        Output("line-words", "children"),
        Output("line-frame", "hidden"),
        Output("line-drawn", "data"),
        Input("line-wanted", "data"),
        Input("line-from", "data"),
        Input("line-to", "data"),
        State("compare-items", "data"),
        running=[(Output("line-panel", "className"), "computing", "")],
    )
    async def drawn(
        wanted: bool | None, first: str, last: str, data: dict[str, Any]
    ) -> tuple[Any, Any, Any]:
        if not wanted:
            return no_update, no_update, no_update
        ends = {"from": first, "to": last}
        try:
            request = InterpolationRequest(other=last)
            curve = await client.interpolation(first, request, seconds=PATIENCE_SECONDS)
        except ProblemError as problem:
            return html.P(problem.line(), className="hint"), True, {**ends, "figure": None}
        names = _letter_of(data, first), _letter_of(data, last)
        figure = await asyncio.to_thread(interpolation_figure, curve, names)
        return line_words(curve), False, {**ends, "figure": json.loads(figure.to_json())}

    pages.clientside_callback(
        ClientsideFunction("compare", "near"),
        Output("line-panel", "title"),
        Input("line-from", "id"),
    )
    pages.clientside_callback(
        ClientsideFunction("compare", "line"),
        Input("line-drawn", "data"),
        prevent_initial_call=True,
    )
