"""The compare page at work: minima and their numbers at one λ, the line between two."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import dash
from dash import Dash, Input, Output, State, html

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import missing
from dashboard.components.words import level, number
from dashboard.drawing.routes import about
from dashboard.pages.compare import line_callbacks
from dashboard.pages.compare.figures import parallel, scatter
from dashboard.pages.compare.layout import chooser, content
from dashboard.pages.compare.levels import spans
from dashboard.pages.compare.measures import Levels, Minimum, minimum_of
from dashboard.pages.compare.tables import numbers_table, ranking_table
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Counts
from minimascope.contract.schemas import KeyNumbers


def _stored(data: dict[str, Any]) -> list[Minimum]:
    return [
        Minimum(
            KeyNumbers.model_validate(m["numbers"]),
            m["lambdas"],
            m["curves"],
            m["about"],
            None if m["counts"] is None else Counts.model_validate(m["counts"]),
            m["complexity"],
        )
        for m in data["minima"]
    ]


def _said(at: Levels) -> tuple[str, str, str]:
    """What stands beside each slider."""
    lambda_ = None if at.lambda_ is None else float(f"{at.lambda_:.3g}")
    return (
        f"ALO, soft rank and TIC at λ = {level(lambda_)}",
        f"Eigenvalues above {number(at.threshold)}",
        f"G at ε = {number(at.epsilon)}",
    )


async def _minimum(client: AsyncClient, numbers: KeyNumbers) -> Minimum:
    """With its curves and its provenance, where it has a report."""
    try:
        analysis, report = await asyncio.gather(
            client.analysis(numbers.id), client.report(numbers.id)
        )
    except ProblemError:
        return Minimum(numbers)
    return replace(minimum_of(numbers, report), about=about(analysis, report))


def register(pages: Dash, client: AsyncClient) -> None:
    """The frame with the layout; numbers and figures follow and are themed in the browser."""

    async def layout(ids: str = "", **query: Any) -> html.Div:
        wanted = list(dict.fromkeys(part for part in ids.split(",") if part))
        if not wanted:
            return chooser()
        try:
            page = await client.compare(wanted)
            others = (await client.analyses(state="done", limit=100)).items
        except ProblemError as problem:
            return missing("Cannot compare these", problem)
        found = await asyncio.gather(*[_minimum(client, item) for item in page.items])
        return content(list(found), query, others)

    line_callbacks.register(pages, client)
    dash.register_page("dashboard.compare", path="/compare", title="Compare", layout=layout)

    @pages.callback(
        Output(ids.COMPARE_NUMBERS, "children"),
        Output("compare-ranking", "children"),
        Output(ids.COMPARE_LAMBDA_SAID, "children"),
        Output(ids.COMPARE_THRESHOLD_SAID, "children"),
        Output(ids.COMPARE_EPSILON_SAID, "children"),
        Output("compare-drawn", "data"),
        Input(ids.COMPARE_X, "data"),
        Input(ids.COMPARE_Y, "data"),
        Input(ids.COMPARE_LAMBDA, "value"),
        Input(ids.COMPARE_THRESHOLD, "value"),
        Input(ids.COMPARE_EPSILON, "value"),
        State("compare-items", "data"),
    )
    async def count(
        x: str, y: str, step: Any, power: Any, place: Any, data: dict[str, Any]
    ) -> tuple[Any, ...]:
        minima = _stored(data)
        at = spans(minima).levels(float(step or 0), float(power or 0), float(place or 0))
        figure = await asyncio.to_thread(scatter, minima, x, y, at)
        drawn = {
            "scatter": figure,
            "parallel": parallel(minima),
            "lambda": at.lambda_,
            "threshold": at.threshold,
            "epsilon": at.epsilon,
        }
        return numbers_table(minima, at), ranking_table(minima, at), *_said(at), drawn

    pages.clientside_callback(
        in_browser("compare_drawn"),
        Input("compare-drawn", "data"),
        State("compare-items", "data"),
        prevent_initial_call=True,
    )
    pages.clientside_callback(
        in_browser("compare_saved"),
        Output(ids.COMPARISONS, "title"),
        Input(ids.COMPARISONS, "id"),
    )
    pages.clientside_callback(
        in_browser("compare_grid"),
        Output("compare-vectors", "title"),
        Input("compare-vectors", "value"),
        Input("compare-items", "data"),
    )
    pages.clientside_callback(
        in_browser("compare_address"),
        Input("compare-drawn", "data"),
        Input("compare-vectors", "value"),
        State(ids.COMPARE_X, "data"),
        State(ids.COMPARE_Y, "data"),
        prevent_initial_call=True,
    )
