"""The same files analysed again, as a finding says that they were trained."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from dashboard.components import ids
from dashboard.components.notices import refusal
from minimascope.client import AsyncClient
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Finding
from minimascope.contract.schemas import Analysis, AnalysisRequest

NAME = 200  # characters


def register(pages: Dash, client: AsyncClient) -> None:
    """A press makes the analysis, once for the same finding, and goes to its job."""

    @pages.callback(
        Output(ids.HERE, "href", allow_duplicate=True),
        Output(ids.ANALYSIS_PROBLEM, "children", allow_duplicate=True),
        Input(ids.analyse_so(ALL), "n_clicks"),
        State("analysis-id", "data"),
        prevent_initial_call=True,
        running=[(Output(ids.analyse_so(ALL), "disabled"), True, False)],
    )
    async def again(clicks: list[int | None], identifier: str) -> tuple[Any, Any]:
        pressed: Any = ctx.triggered_id
        if pressed is None or not any(clicks):
            return no_update, no_update
        try:
            report = await client.report(identifier)
            findings = report.objective.findings if report.objective else []
            finding = findings[pressed["place"]]
            request = so(await client.analysis(identifier), finding)
            made = await client.submit(request, idempotency_key=_key(identifier, finding))
        except ProblemError as problem:
            return no_update, refusal(problem)
        return f"/jobs/{made.id}", no_update


def so(analysis: Analysis, finding: Finding) -> AnalysisRequest:
    """The same uploads and parameters, but for the fields of a finding."""
    name = analysis.name or f"Analysis {analysis.id[:8]}"
    return AnalysisRequest(
        name=f"{name}, as its weights say"[:NAME],
        checkpoint=analysis.checkpoint,
        train=analysis.train,
        test=analysis.test,
        optimizer_state=analysis.optimizer_state,
        parameters=analysis.parameters.changed(finding.flags),
    )


def _key(identifier: str, finding: Finding) -> str:
    told = json.dumps(finding.flags, sort_keys=True).encode()
    return f"so-{identifier}-{crc32(told):08x}"
