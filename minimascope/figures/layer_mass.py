"""Layer mass: where in the network each top eigenvector lives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.contract.report import Report, Spectrum
from minimascope.figures.roles import Role, marked
from minimascope.figures.theme import styled

NO_KINDS: Mapping[str, str] = {}
ROWLESS = 110  # pixels of height that are no row


def layer_kinds(report: Report) -> Mapping[str, str]:
    """By number, as nn.Sequential names its layers: `Linear 2→32`; without those not known."""
    architecture: dict[str, Any] = report.checkpoint.architecture or {}
    if architecture.get("family") == "sequential":
        layers = enumerate(architecture.get("layers") or [])
        return {str(i): f"{of[0]} {of[1]}→{of[2]}" for i, of in layers if len(of) > 2}
    blocks = [] if report.spectrum is None else report.spectrum.layer_blocks
    if architecture.get("family") != "mlp" or not report.data.input_shape:
        return {}
    found, width = dict[str, str](), math.prod(report.data.input_shape)
    for block in blocks:
        out, rest = divmod(block.parameters, width + 1)  # weights and biases
        if rest:
            return {}
        found[block.layer], width = f"Linear {width}→{out}", out
    return found


def layer_label(name: str, kinds: Mapping[str, str] = NO_KINDS) -> str:
    """What an axis says: a bare number says little."""
    if name in kinds:
        return f"{name} · {kinds[name]}"
    return f"layer {name}" if name.isdecimal() else name


def layer_figure(
    spectrum: Spectrum, names: list[str], kinds: Mapping[str, str] = NO_KINDS
) -> go.Figure:
    """Share of squared components of v_k in each layer (k × layers), Cividis on [0, 1]."""
    mass = np.array(spectrum.layer_mass, dtype=np.float32).T
    given = spectrum.layer_names or names or [str(i + 1) for i in range(len(mass))]
    labels = [layer_label(name, kinds) for name in given]
    figure = go.Figure(
        go.Heatmap(
            z=mass,
            x=[f"v{k + 1}" for k in range(mass.shape[1])],
            y=labels[: len(mass)],
            zmin=0,
            zmax=1,
            colorscale="Cividis",
            xgap=2,
            ygap=2,
            texttemplate="%{z:.2f}" if mass.shape[1] <= 12 else None,
            colorbar={"thickness": 9, "outlinewidth": 0, "title": {"text": "share"}},
            hovertemplate="%{x} in %{y}: %{z:.3f}<extra></extra>",
            **marked(Role.LAYER_MASS),
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(showgrid=False)
    height = max(220, ROWLESS + 42 * len(mass))
    figure.update_layout(meta={"rowless": ROWLESS})
    return styled(figure, height=height, margin={"l": 90, "r": 10, "t": 10, "b": 40})
