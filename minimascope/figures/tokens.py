"""The tokens of the dearest sequences, in lines as one reads them: coloured by loss, or by pull."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from minimascope.contract.report import Tokens
from minimascope.figures.plane import Arrays
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled

WIDE, MOST = 12, 60  # tokens in a line; of a sequence
LONGEST = 11  # letters of a token that are shown
ROW = 26  # pixels of a line
PERCENTILE = 98  # of the values, where the colours end: one outlier would leave the rest pale
NEEDED = ("token_rows", "token_ids", "token_loss", "token_likeliest")


def word(tokens: Tokens, token: int) -> str:
    """A token as it is shown: its word where that is known, else its number."""
    if token < 0:
        return "·"
    said = tokens.texts.get(str(token))
    if said is None:
        return str(token)
    shown = said.replace("\n", "⏎").replace("\t", "⇥").strip(" ") or "␣"
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


@dataclass(frozen=True)
class _Lines:
    """Where each shown token (m × T) stands: its line and column; how many lines there are."""

    line: NDArray[np.int64]
    column: NDArray[np.int64]
    count: int

    def filled(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Values (m × T) in their places (lines × WIDE)."""
        found = np.full((self.count, WIDE), empty, dtype=object if empty == "" else np.float64)
        found[self.line, self.column] = values[:, : self.line.shape[1]]
        return found


def _lines(sequences: int, length: int) -> _Lines:
    """Each sequence in lines of WIDE, with an empty one after it."""
    at = np.arange(min(length, MOST))
    high = -(-len(at) // WIDE) + 1
    line = at // WIDE + high * np.arange(sequences)[:, None]
    return _Lines(line, np.tile(at % WIDE, (sequences, 1)), high * sequences - 1)


def tokens_figure(tokens: Tokens, arrays: Arrays) -> go.Figure:
    """Every token of the shown sequences by its loss in nats; needs `token_*` (m × T)."""
    losses = np.asarray(arrays["token_loss"], dtype=np.float64)
    most = _most(losses)
    trace = _grid(tokens, arrays, losses, "loss %{z:.3g} nats")
    trace.update(
        zmin=-most,  # so that no loss is the colour of the page
        zmax=most,
        name="loss",
        showscale=False,
        **marked(Role.TOKENS, colorscale="diverging"),
    )
    return _framed(tokens, arrays, [trace])


def pulls_figure(tokens: Tokens, arrays: Arrays, *, k: int = 0) -> go.Figure:
    """The same by how fast each token's loss rises along v_k (`token_pull`), one trace a vector,
    of which only k (0-based) is shown."""
    traces = []
    for place, values in enumerate(np.asarray(arrays["token_pull"], dtype=np.float64)):
        most = _most(values)
        trace = _grid(tokens, arrays, values, "pull %{z:.3g} nats a unit of ε")
        trace.update(
            zmin=-most,
            zmax=most,
            name=f"pull on v{place + 1}",
            visible=place == min(k, len(arrays["token_pull"]) - 1),
            showscale=False,
            **marked(Role.TOKENS, more={"vector": place + 1}, colorscale="diverging"),
        )
        traces.append(trace)
    return _framed(tokens, arrays, traces)


def _most(values: NDArray[Any]) -> float:
    known = np.abs(values[np.isfinite(values)])
    return float(np.percentile(known, PERCENTILE)) or 1.0 if known.size else 1.0


def _grid(tokens: Tokens, arrays: Arrays, values: NDArray[Any], said: str) -> go.Heatmap:
    ids, likeliest = np.asarray(arrays["token_ids"]), np.asarray(arrays["token_likeliest"])
    lines = _lines(*ids.shape)
    words = [[escape(word(tokens, int(i))) for i in row] for row in ids]
    guesses = [[escape(word(tokens, int(i))) for i in row] for row in likeliest]
    places = np.tile(np.arange(ids.shape[1]), (len(ids), 1))
    rows = np.repeat(np.asarray(arrays["token_rows"])[:, None], ids.shape[1], axis=1)
    about = np.stack(
        [
            lines.filled(rows, np.nan),
            lines.filled(places, np.nan),
            lines.filled(np.array(guesses, dtype=object), ""),
        ],
        axis=-1,
    )
    return go.Heatmap(
        z=lines.filled(values, np.nan),
        text=lines.filled(np.array(words, dtype=object), ""),
        texttemplate="%{text}",
        customdata=about,
        xgap=1,
        ygap=2,
        hoverongaps=False,
        hovertemplate="%{text}, position %{customdata[1]} of sequence %{customdata[0]}"
        f"<br>{said}<br>the network's own: %{{customdata[2]}}<extra></extra>",
    )


def _framed(tokens: Tokens, arrays: Arrays, traces: list[go.Heatmap]) -> go.Figure:
    ids = np.asarray(arrays["token_ids"])
    lines = _lines(*ids.shape)
    costs = {each.row: each.cost for each in tokens.shown}
    names = [_named(int(row), costs.get(int(row))) for row in arrays["token_rows"]]
    figure = go.Figure(traces)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(
        tickvals=lines.line[:, 0],
        ticktext=names,
        range=[lines.count - 0.5, -0.5],
        showgrid=False,
        automargin=True,
    )
    return styled(figure, height=60 + ROW * lines.count, margin={"l": 90, "r": 8, "t": 8, "b": 8})


def _named(row: int, cost: float | None) -> str:
    return f"sequence {row}" if cost is None else f"sequence {row}<br>cost {cost:.2g}"
