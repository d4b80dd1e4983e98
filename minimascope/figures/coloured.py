"""A figure in one palette, for where no page of ours colours it: notebooks and saved pages."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go

from minimascope.figures.theme import AXIS, DARK, LIGHT, diverging

PALETTES = {"light": LIGHT, "dark": DARK}


def coloured(figure: go.Figure, palette: str = "light") -> go.Figure:
    """The figure with its tokens filled in, as the browser fills them (`figures/themed.mjs`)."""
    colours = PALETTES[palette]
    document: dict[str, Any] = plain_arrays(figure.to_plotly_json())
    for trace in document["data"]:
        for path, name in (trace.get("meta") or {}).get("tokens", {}).items():
            _put(trace, path, diverging(palette) if name == "diverging" else colours[name])
    layout = document["layout"]
    layout |= {"paper_bgcolor": colours["page"], "plot_bgcolor": colours["page"]}
    layout["font"] = {**layout.get("font", {}), "color": colours["ink"]}
    for axis in [key for key in layout if AXIS.fullmatch(key)]:
        layout[axis] = _axis(layout[axis], colours)
    for path, name in (layout.get("meta") or {}).get("tokens", {}).items():
        _put(layout, path, colours[name])
    return go.Figure(document)


def _axis(axis: dict[str, Any], colours: dict[str, str]) -> dict[str, Any]:
    muted = {"color": colours["muted"]}
    title = axis.get("title") or {}
    return {
        **axis,
        "gridcolor": colours["grid"],
        "linecolor": colours["rule"],
        "tickcolor": colours["rule"],
        "zerolinecolor": colours["rule"],
        "tickfont": {**muted, "size": 11.5},
        "title": {**title, "font": {**muted, "size": 12}},
    }


def _put(value: Any, path: str, what: Any) -> None:
    """Sets a.b.0.c; what is not there on the way is made."""
    *keys, last = path.split(".")
    for key in keys:
        value = value[int(key)] if isinstance(value, (list, tuple)) else value.setdefault(key, {})
    if isinstance(value, list):
        value[int(last)] = what
    else:
        value[last] = what


def plain_arrays(value: Any) -> Any:
    """Arrays as numpy has them: Plotly packs them into base64."""
    if isinstance(value, dict):
        if "bdata" in value:
            flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
            shape = str(value.get("shape", flat.size)).split(",")
            return flat.reshape([int(each) for each in shape])
        return {key: plain_arrays(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_arrays(each) for each in value]
    return value
