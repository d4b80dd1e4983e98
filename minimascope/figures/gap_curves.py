"""Gap against λ: leave-one-out, soft rank and TIC in nats, the headline, what was measured."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import CrossValidation, Gap
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.symlog import Floats
from minimascope.figures.theme import styled

# name in the report, words, line, token
LINES = (
    ("alo_ggn", "ALO", "solid", "accent"),
    ("soft_rank_ggn", "soft rank / n", "dash", "ink"),
    ("tic_ggn", "TIC", "dot", "ink"),
)


def series(values: list[float | None], *, divide: float = 1.0) -> Floats:
    """A curve with nulls as NaN, divided by `divide` (n for soft ranks)."""
    return np.array([np.nan if v is None else v / divide for v in values], dtype=np.float64)


def _curves(gap: Gap, n: int) -> list[go.Scatter]:
    traces = []
    for key, words, dash, token in LINES:
        divide = float(n) if key.startswith("soft_rank") else 1.0
        traces.append(
            go.Scatter(
                x=np.array(gap.curves.lambda_),
                y=series(getattr(gap.curves, key), divide=divide),
                mode="lines",
                name=words,
                line={"width": 2.4 if key == "alo_ggn" else 1.5, "dash": dash},
                hovertemplate=f"{words} %{{y:.3g}} nats<br>λ %{{x:.2e}}<extra></extra>",
                **marked(Role.CURVE, more={"curve": key}, line__color=token),
            )
        )
    return traces


def _measured(gap: Gap) -> list[go.Scatter]:
    measured = gap.measured
    if measured is None or measured.value is None or not gap.curves.lambda_:
        return []
    ends = np.array([gap.curves.lambda_[0], gap.curves.lambda_[-1]])
    error = measured.standard_error or 0.0
    high, low = measured.value + error, measured.value - error
    band = go.Scatter(
        x=np.concatenate([ends, ends[::-1]]),
        y=np.array([high, high, low, low]),
        fill="toself",
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        name="measured ± s.e.",
        **marked(Role.MEASURED, fillcolor="band"),
    )
    line = go.Scatter(
        x=ends,
        y=np.full(2, measured.value),
        mode="lines",
        line={"width": 1.2, "dash": "longdash"},
        name="measured ± s.e.",
        hovertemplate=f"measured {measured.value:.3g} ± {error:.2g}<extra></extra>",
        **marked(Role.MEASURED, line__color="muted"),
    )
    return [band, line]


def _folds(gap: Gap, found: CrossValidation | None) -> list[go.Scatter]:
    """K-fold's gap at the right edge, with its error: it knows no λ."""
    if found is None or not gap.curves.lambda_:
        return []
    error = found.standard_error
    words = f"K-fold {found.gap:.3g} ± {error:.2g}, k = {found.k}"
    ends = [gap.curves.lambda_[0], gap.curves.lambda_[-1]]
    line = go.Scatter(
        x=np.array(ends),
        y=np.full(2, found.gap),
        error_y={"array": [0.0, error], "thickness": 1.2, "width": 4},
        mode="lines",
        line={"width": 1.2, "dash": "dashdot"},
        name="K-fold ± s.e.",
        hovertemplate=f"{words}<extra></extra>",
        **marked(Role.FOLDS, line__color="accent", error_y__color="accent"),
    )
    return [line]


def _headline(gap: Gap) -> list[go.Scatter]:
    if gap.headline is None or gap.lambda_ is None:
        return []
    value, (low, high) = gap.headline.value, gap.headline.ninety
    return [
        go.Scatter(
            x=[gap.lambda_],
            y=[value],
            error_y={"array": [high - value], "arrayminus": [value - low], "thickness": 1.5},
            mode="markers",
            marker={"size": 10, "symbol": "diamond", "line": {"width": 1.5}},
            name="estimate",
            hovertemplate=f"estimate %{{y:.3g}}, 90%: {low:.3g} to {high:.3g}<br>λ %{{x:.2e}}"
            "<extra></extra>",
            **marked(Role.HEADLINE, marker__color="red", marker__line__color="page"),
        )
    ]


def gap_figure(gap: Gap, *, n: int, folds: CrossValidation | None = None) -> go.Figure:
    """Estimates over λ on true log axes (linear y where a curve is not positive); n training."""
    traces = [*_measured(gap), *_folds(gap, folds), *_curves(gap, n), *_headline(gap)]
    figure = go.Figure(traces)
    values = np.concatenate([np.asarray(t.y, dtype=np.float64) for t in traces] or [np.ones(1)])
    values = values[np.isfinite(values)]
    figure.update_xaxes(log_axis("λ", gap.curves.lambda_))
    if values.size and values.min() > 0:
        figure.update_yaxes(log_axis("gap, nats", values))
    else:
        figure.update_yaxes(title="gap, nats", rangemode="tozero")
    return styled(figure, height=320, margin={"l": 58, "r": 14, "t": 30, "b": 42})
