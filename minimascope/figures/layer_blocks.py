"""Block spectra: top eigenvalues and trace of each layer's diagonal block of the Hessian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import LayerBlock
from minimascope.figures.layer_mass import NO_KINDS, ROWLESS, layer_label
from minimascope.figures.log_ticks import log_axis
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled

CONVERGED = 1e-3  # residual relative to the block's largest eigenvalue; above it a ring is drawn


def _eigenvalues(blocks: Sequence[LayerBlock], kinds: Mapping[str, str]) -> go.Scatter:
    pairs = [
        (layer_label(b.layer, kinds), k + 1, value, residual)
        for b in blocks
        for k, (value, residual) in enumerate(zip(b.eigenvalues, b.residuals, strict=True))
        if value > 0
    ]
    return go.Scatter(
        x=[value for _, _, value, _ in pairs],
        y=[layer for layer, *_ in pairs],
        mode="markers",
        name="eigenvalues",
        marker={
            "size": 9,
            "symbol": ["circle" if r <= CONVERGED else "circle-open" for *_, r in pairs],
            "line": {"width": 1},
        },
        customdata=[[k, r] for _, k, _, r in pairs],
        hovertemplate="%{y}: λ<sub>%{customdata[0]}</sub> = %{x:.4g}"
        "<br>residual %{customdata[1]:.1e}·λ₁ of the block<extra></extra>",
        **marked(Role.BLOCK_EIGENVALUES, marker__color="accent", marker__line__color="page"),
    )


def _traces(blocks: Sequence[LayerBlock], kinds: Mapping[str, str]) -> go.Scatter:
    known = [b for b in blocks if b.trace.value is not None and b.trace.value > 0]
    errors = [b.trace.standard_error or 0.0 for b in known]
    return go.Scatter(
        x=[b.trace.value for b in known],
        y=[layer_label(b.layer, kinds) for b in known],
        error_x={"array": errors, "thickness": 1.3},
        mode="markers",
        name="trace ± s.e.",
        marker={"size": 11, "symbol": "line-ns", "line": {"width": 2.5}},
        customdata=[[b.parameters, e] for b, e in zip(known, errors, strict=True)],
        hovertemplate="%{y}: trace %{x:.4g} ± %{customdata[1]:.2g}"
        "<br>%{customdata[0]} parameters<extra></extra>",
        **marked(Role.BLOCK_TRACES, marker__color="red", marker__line__color="red"),
    )


def blocks_figure(blocks: Sequence[LayerBlock], kinds: Mapping[str, str] = NO_KINDS) -> go.Figure:
    """A row a layer, in the network's order; positive values on a log axis (others in the table).

    A ring instead of a disc: that pair has not converged.
    """
    traces: list[Any] = [_eigenvalues(blocks, kinds), _traces(blocks, kinds)]
    figure = go.Figure([trace for trace in traces if len(trace.x)])
    values = np.concatenate([np.asarray(trace.x, dtype=np.float64) for trace in traces])
    figure.update_xaxes(log_axis("eigenvalue of the block, and its trace", values))
    figure.update_yaxes(
        type="category",  # layers of nn.Sequential are named by digits, which are no positions
        categoryorder="array",
        categoryarray=[layer_label(b.layer, kinds) for b in reversed(blocks)],
        automargin=True,
        range=[-0.6, len(blocks) - 0.4],
    )
    height = max(260, ROWLESS + 40 * len(blocks))
    figure.update_layout(meta={"rowless": ROWLESS})
    return styled(figure, height=height, margin={"l": 90, "r": 16, "t": 34, "b": 44})
