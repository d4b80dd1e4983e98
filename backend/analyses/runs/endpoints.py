"""Runs: listed, and one with its measures over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath

from backend.analyses.runs.repository import RunReport
from backend.analyses.service import Analyses, AnalysisService
from backend.auth.permissions import READER
from backend.auth.principal import Who
from backend.http import cursors, representations
from backend.http.representations import Match
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.runs import MOST_POINTS, Run, RunPage, RunPoint, run_numbers
from minimascope.contract.schemas import RunName

router = APIRouter(prefix="/runs", tags=["runs"])
Name = Annotated[RunName, InPath(description="as its reports name it")]


@router.get("", dependencies=[READER])
def runs(
    analyses: Analyses,
    who: Who,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> RunPage:
    """Your training runs of which there are reports, the latest first."""
    found, last = analyses.runs.runs(who.id, limit=limit, cursor=cursors.decode(cursor))
    return RunPage(items=found, next=cursors.encode(last))


@router.get("/{run_name}", response_model=Run, dependencies=[READER])
def run(run_name: Name, analyses: Analyses, who: Who, match: Match = None) -> Response:
    """Key numbers of every report of one run, in order of step.

    Of more than 400 reports evenly many are given, the first and the last among them.
    """
    found = analyses.runs.run(run_name, who.id)
    if found is None:
        raise ProblemError("no_such_run", f"There is no run {run_name!r}.")
    summary, reports = found
    shown = _evenly(reports)
    document = Run(
        **summary.model_dump(),
        points=[_point(analyses, each) for each in shown],
        thinned=len(shown) < len(reports),
    )
    return representations.document(document.model_dump_json().encode(), match)


def _evenly(reports: Sequence[RunReport]) -> list[RunReport]:
    if len(reports) <= MOST_POINTS:
        return list(reports)
    last = len(reports) - 1
    return [reports[round(i * last / (MOST_POINTS - 1))] for i in range(MOST_POINTS)]


def _point(analyses: AnalysisService, report: RunReport) -> RunPoint:
    numbers: dict[str, Any] = {}
    try:
        path = analyses.store.have(analyses.store.report(report.id))
        status = path.stat()
        numbers = _numbers(path, status.st_ino, status.st_mtime_ns)
    except FileNotFoundError:  # not computed yet
        pass
    return RunPoint(**vars(report), **numbers)


@lru_cache(maxsize=8 * MOST_POINTS)
def _numbers(path: Path, inode: int, changed: int) -> dict[str, Any]:
    """Of a report as it was at that change: a file is replaced, never written into."""
    return run_numbers(Report.model_validate_json(path.read_bytes()))
