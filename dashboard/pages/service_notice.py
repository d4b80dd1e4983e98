"""Above every page: what is wrong with the service itself, while it is."""

from __future__ import annotations

import time
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update

from dashboard.components.notices import remark
from minimascope.client import AsyncClient, calls
from minimascope.contract.problems import ProblemError

NOTICE, TICK = "service-notice", "service-tick"
LOOK_SECONDS = 20
# Workers that start with the server are not missing yet.
PATIENCE_SECONDS = 60.0
AWAY = "The database or the store of this server is away: nothing can be asked of it now."


def notice() -> html.Div:
    """The place, empty where all is well."""
    tick = dcc.Interval(id=TICK, interval=1000 * LOOK_SECONDS)
    return html.Div([html.Div(id=NOTICE, role="status"), tick])


def sentences(ready: dict[str, Any]) -> list[str]:
    """What is wrong, in the words of `/health/ready`; nothing for whoever may only probe it."""
    checks = ready.get("checks", {}).values()
    return [check["sentence"] for check in checks if not check["ok"] and check.get("sentence")]


def register(pages: Dash, client: AsyncClient) -> None:
    """Looked at three times a minute; the page changes where the words do."""
    began = time.monotonic()

    @pages.callback(
        Output(NOTICE, "children"), Input(TICK, "n_intervals"), State(NOTICE, "children")
    )
    async def look(_: int | None, shown: Any) -> Any:
        if time.monotonic() - began < PATIENCE_SECONDS:
            return no_update
        try:
            wrong = sentences(await client.send(calls.ready()))
        except ProblemError as problem:
            wrong = [AWAY] if problem.status == 503 else []
        if not wrong:
            return None if shown else no_update
        return remark(*(html.P(each) for each in wrong), tone="warn")
