"""What is kept whatever its age, and the removal of uploads with their analyses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from backend.analyses.service import Analyses, AnalysisService
from backend.auth.permissions import CHANGES_ANALYSIS, changes_upload
from backend.auth.principal import Who
from backend.retention.repository import RetentionRepository
from backend.uploads.service import Uploads, UploadService
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import FINAL_STATES, Analysis, UploadKind

WithAnalyses = Annotated[bool, Query(alias="analyses")]


async def _repository(request: Request) -> RetentionRepository:
    repository: RetentionRepository = request.app.state.retention
    return repository


Retention = Annotated[RetentionRepository, Depends(_repository)]
router = APIRouter(prefix="/analyses/{identifier}/pin", tags=["analyses"])


@router.put("", dependencies=[CHANGES_ANALYSIS])
def pin(identifier: str, analyses: Analyses, retention: Retention) -> Analysis:
    """Keeps an analysis whatever its age."""
    retention.pin(identifier, pinned=True)
    return analyses.repository.analysis(identifier)


@router.delete("", dependencies=[CHANGES_ANALYSIS])
def unpin(identifier: str, analyses: Analyses, retention: Retention) -> Analysis:
    """Its age counts again."""
    retention.pin(identifier, pinned=False)
    return analyses.repository.analysis(identifier)


def removal_router(kind: UploadKind) -> APIRouter:
    """`DELETE` of one kind of upload."""
    removals = APIRouter(prefix=f"/{kind}s", tags=[f"{kind}s"])

    @removals.delete(
        "/{identifier}",
        status_code=204,
        name=f"delete_{kind}",
        dependencies=[changes_upload(kind)],
    )
    def remove(
        identifier: str,
        uploads: Uploads,
        analyses: Analyses,
        who: Who,
        with_analyses: WithAnalyses = False,
    ) -> None:
        """409 while an analysis uses it; `analyses=true` removes those too, once all have ended.

        Bytes that somebody else uploaded or analyses too stay for them.
        """
        if with_analyses:
            _remove_analyses(uploads, analyses, identifier, who.owner)
        if uploads.repository.delete_upload(kind, identifier, owner=who.owner):
            uploads.store.delete_blob(identifier)

    return removals


def _remove_analyses(
    uploads: UploadService, analyses: AnalysisService, identifier: str, owner: str | None
) -> None:
    """Every analysis of these bytes with its results, or 409 and none of them."""
    using = uploads.repository.analyses_using(identifier, owner=owner)
    if any(analyses.repository.analysis(each).state not in FINAL_STATES for each in using):
        sentence = "An analysis of it has not ended."
        raise ProblemError("not_ended", sentence)
    for each in using:
        analyses.remove(each)
