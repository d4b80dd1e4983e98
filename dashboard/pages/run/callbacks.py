"""The page of a run at work: its figures, and the film at the slider's step."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

import dash
from dash import Dash, Input, Output, State, html

from dashboard.components import ids
from dashboard.components.clientside import in_browser
from dashboard.components.notices import missing
from dashboard.components.words import count
from dashboard.pages.run.film import nearest, picture, pictured
from dashboard.pages.run.layout import content, listing
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.runs import Run
from minimascope.figures.run import run_figure

MOST_OTHERS = 50


def register(pages: Dash, client: AsyncClient) -> None:
    """The list of runs, and one of them, beside another where the address says so."""

    async def layout(run_name: str = "", against: str = "", **_: Any) -> html.Div:
        try:
            runs = await _runs(client, [unquote(run_name), *([against] if against else [])])
            others = (await client.runs(limit=MOST_OTHERS)).items
        except ProblemError as problem:
            return missing("No such run", problem)
        return content(runs[0], runs[1] if len(runs) > 1 else None, others)

    async def every(**_: Any) -> html.Div:
        try:
            return listing(await client.runs(limit=200))
        except ProblemError as problem:
            return missing("Runs cannot be read", problem)

    dash.register_page(
        "dashboard.run", path_template="/runs/<run_name>", title="Run", layout=layout
    )
    dash.register_page("dashboard.runs", path="/runs", title="Runs", layout=every)
    _figures(pages, client)


async def _runs(client: AsyncClient, names: list[str]) -> list[Run]:
    return list(await asyncio.gather(*[client.run(name) for name in names]))


def _figures(pages: Dash, client: AsyncClient) -> None:
    @pages.callback(Output("run-figure", "data"), Input("run-names", "data"))
    async def measures(names: list[str]) -> Any:
        try:
            runs = await _runs(client, names)
        except ProblemError:
            return dash.no_update
        figure = await asyncio.to_thread(run_figure, names, [run.points for run in runs])
        return dict(json.loads(figure.to_json()))

    @pages.callback(
        Output("film-figures", "data"),
        Output(ids.FILM_READOUT, "children"),
        Input(ids.FILM_SLIDER, "value"),
        State("film-steps", "data"),
        State("run-names", "data"),
    )
    async def film(place: Any, steps: list[int], names: list[str]) -> tuple[Any, Any]:
        step = steps[min(max(int(place or 0), 0), len(steps) - 1)]
        try:
            runs = await _runs(client, names)
        except ProblemError:
            return dash.no_update, dash.no_update
        points = [nearest(pictured(run), step) for run in runs]
        figures = await asyncio.gather(*[picture(client, point) for point in points])
        said = " and ".join(count(point.step) for point in points if point is not None)
        return {"figures": figures, "said": f"step {said}"}, f"step {said}"

    pages.clientside_callback(
        in_browser("run_drawn"),
        Input("run-figure", "data"),
        State("run-names", "data"),
        prevent_initial_call=True,
    )
    pages.clientside_callback(
        in_browser("film_drawn"), Input("film-figures", "data"), prevent_initial_call=True
    )
