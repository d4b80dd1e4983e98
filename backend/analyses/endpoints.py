"""Analyses: submitted, listed, described, cancelled, tried again, deleted; what may be asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from backend.analyses.service import Analyses
from backend.auth.permissions import CHANGES_ANALYSIS, READER, READS_ANALYSIS, WRITER
from backend.auth.principal import Who
from backend.http import cursors, representations
from backend.http.representations import Match
from minimascope.contract.schemas import (
    Analysis,
    AnalysisChange,
    AnalysisPage,
    AnalysisPlan,
    AnalysisRequest,
    CandidateTable,
    State,
)

router = APIRouter(prefix="/analyses", tags=["analyses"])
plans = APIRouter(prefix="/plans", tags=["analyses"])
architectures = APIRouter(prefix="/architectures", tags=["analyses"])
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("", status_code=201, dependencies=[WRITER])
async def submit(
    request: AnalysisRequest, analyses: Analyses, who: Who, key: Key = None, fresh: bool = False
) -> Analysis:
    """Queues an analysis, after a worker has loaded the files and seen that they fit.

    Two at once with one Idempotency-Key make one analysis, which both are answered. An earlier done
    analysis of the same files and parameters gives its results at once; the message says so.
    `fresh=true` computes them again.
    """
    return await analyses.submit(request, who, key, fresh=fresh)


@plans.post("", dependencies=[WRITER])
async def plan(request: AnalysisRequest, analyses: Analyses, who: Who) -> AnalysisPlan:
    """What the spectrum would cost on a worker, measured there; nothing is queued for later."""
    return AnalysisPlan.model_validate(await analyses.answer("plan", request, who))


@architectures.post("", dependencies=[WRITER])
async def candidates(request: AnalysisRequest, analyses: Analyses, who: Who) -> CandidateTable:
    """What bare weights may be, with the loss of each on the training data; nothing is chosen.

    Of the parameters only `loss` and `label` count.
    """
    return CandidateTable.model_validate(await analyses.answer("architectures", request, who))


@router.get("", response_model=AnalysisPage, dependencies=[READER])
def analyses(
    analyses: Analyses,
    who: Who,
    match: Match = None,
    limit: Limit = 50,
    cursor: str | None = None,
    state: State | None = None,
    q: Annotated[str, Query(max_length=200, description="part of the name")] = "",
) -> Response:
    """Newest first; give `next` back as `cursor` for the page after."""
    items, last = analyses.repository.analyses(
        limit=limit, cursor=cursors.decode(cursor), state=state, q=q, owner=who.owner
    )
    page = AnalysisPage(items=items, next=cursors.encode(last))
    return representations.document(page.model_dump_json().encode(), match)


@router.get("/{identifier}", dependencies=[READS_ANALYSIS])
def analysis(identifier: str, analyses: Analyses) -> Analysis:
    return analyses.repository.analysis(identifier)


@router.post("/{identifier}/cancel", dependencies=[CHANGES_ANALYSIS])
def cancel(identifier: str, analyses: Analyses) -> Analysis:
    """A running analysis ends within two seconds; 409 where it has ended."""
    return analyses.cancel(identifier)


@router.post("/{identifier}/retry", dependencies=[CHANGES_ANALYSIS])
def retry(identifier: str, analyses: Analyses) -> Analysis:
    """Queues a failed or cancelled analysis again, from its start."""
    return analyses.retry(identifier)


@router.patch("/{identifier}", dependencies=[CHANGES_ANALYSIS])
def describe(identifier: str, change: AnalysisChange, analyses: Analyses) -> Analysis:
    """Name, notes, tags and project; what is not given stays."""
    analyses.repository.describe(identifier, change)
    return analyses.repository.analysis(identifier)


@router.delete("/{identifier}", status_code=204, dependencies=[CHANGES_ANALYSIS])
def remove(identifier: str, analyses: Analyses) -> None:
    """Removes an ended analysis with its report and arrays; its files stay."""
    analyses.remove(identifier)
