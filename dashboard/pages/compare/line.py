"""The compare page's line between two minima: choice, curve, the barrier in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.choice import select
from dashboard.components.plot import panel
from dashboard.components.words import number, with_error
from dashboard.pages.compare.measures import Minimum, letters
from minimascope.contract.questions.interpolations import (
    Barrier,
    InterpolationCurve,
)

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
    known = list(names)
    first = query["from"] if query.get("from") in names else known[0]
    other = next(each for each in known if each != first)
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
    stores = [dcc.Store(id=ids.LINE_WANTED), dcc.Store(id="line-drawn")]
    below = html.Div([_along(), words, *stores])
    title = "The straight line between two"
    drawn = panel(ids.LINE, title, LABEL, height=420, above=selects, below=below)
    return html.Div(drawn, id=ids.LINE_PANEL)


def _along() -> html.Div:
    """The place on the line that is drawn; the browser shows it where there are pictures."""
    slider = html.Div(
        [
            html.Label("α", htmlFor=ids.LINE_ALPHA),
            dcc.Input(id=ids.LINE_ALPHA, type="range", min=0, max=30, step=1, value=5),
            html.Output(id=ids.LINE_READOUT),
        ],
        className="slider",
    )
    save = html.Button(
        "Save as a film (animated SVG)",
        className="button",
        **{"data-export": "film", "data-plot": ids.LINE},
    )
    return html.Div([slider, save], id=ids.LINE_ALONG, className="line-along", hidden=True)


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
        else "Height is measured above the straight line between the two losses. The same network "
        "with its neurons in another order has a barrier too (Entezari et al. 2022), so it alone "
        "does not prove two different solutions."
    )
    apart = f"The ends are {number(curve.distance)} apart in weight space. Bands: ± 1 s.e."
    rest = " ".join(part for part in (meaning, apart, STATISTICS[curve.statistics]) if part)
    return [html.P(said, className="line-said"), html.P(rest, className="hint")]
