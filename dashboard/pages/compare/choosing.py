"""Which minima are compared: added, left out and moved by links, since the address says all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html

from dashboard.components import ids
from dashboard.components.plot import menu
from minimascope.contract.schemas import ListedAnalysis

KEPT = ("name", "vector", "x", "y", "lambda", "threshold", "epsilon")
OFFERED = 30  # minima in the menu


def address(chosen: Sequence[str], query: Mapping[str, Any]) -> str:
    """Of a comparison of these minima in this order, all else as it is."""
    kept = {name: query[name] for name in KEPT if query.get(name)}
    return "/compare?" + urlencode({"ids": ",".join(chosen), **kept}, safe=",")


def moves(place: int, chosen: Sequence[str], name: str, query: Mapping[str, Any]) -> html.Div:
    """Links beside a minimum: earlier, later, out."""
    links = []
    for words, to, shown in (
        ("↑", place - 1, place > 0),
        ("↓", place + 1, place + 1 < len(chosen)),
    ):
        if shown:
            order = list(chosen)
            order.insert(to, order.pop(place))
            said = f"Move {name} {'up' if words == '↑' else 'down'}"
            links.append(_link(words, address(order, query), said))
    if len(chosen) > 1:
        rest = [each for each in chosen if each != chosen[place]]
        links.append(_link("✕", address(rest, query), f"Leave {name} out"))
    return html.Div(links, className="moves")


def _link(words: str, href: str, said: str) -> dcc.Link:
    shown = html.Span(words, **{"aria-hidden": "true"})
    return dcc.Link([shown, html.Span(said, className="unseen")], href=href, title=said)


def adding(
    chosen: Sequence[str], others: Sequence[ListedAnalysis], query: Mapping[str, Any]
) -> html.Details | None:
    """A menu of finished minima that are not compared yet; nothing where there is none."""
    free = [other for other in others if other.id not in chosen and other.state == "done"]
    if not free:
        return None
    links = [
        dcc.Link(
            other.name or f"Analysis {other.id[:8]}",
            href=address([*chosen, other.id], query),
            className="menu-item",
        )
        for other in free[:OFFERED]
    ]
    return menu("Add a minimum", links)


def saving(name: str) -> html.Div:
    """A name for the comparison, kept in this browser (`compare/saved.mjs`)."""
    field = dcc.Input(
        id=ids.COMPARISON_NAME,
        type="text",
        value=name,
        placeholder="Name this comparison",
        maxLength=120,
        debounce=False,
    )
    label = html.Label("Name", htmlFor=ids.COMPARISON_NAME, className="unseen")
    button = html.Button("Save", id=ids.COMPARISON_SAVE, className="button")
    return html.Div([label, field, button], className="saving")
