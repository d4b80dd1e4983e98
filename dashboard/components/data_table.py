"""Plain tables of a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> html.Div:
    """A plain table with a caption; the first column names the row."""
    body = [
        html.Tr([html.Th(row[0], scope="row"), *[html.Td(cell) for cell in row[1:]]])
        for row in rows
    ]
    return html.Div(
        html.Table(
            [
                html.Caption(caption),
                html.Thead(html.Tr([html.Th(cell, scope="col") for cell in head])),
                html.Tbody(body),
            ]
        ),
        className="table-scroll",
        tabIndex=0,
    )
