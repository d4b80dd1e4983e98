"""Reports that were computed elsewhere: taken, checked, kept as what they are."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request

from backend.analyses.service import Analyses, AnalysisService
from backend.analyses.submission import Submission, publication
from backend.auth.permissions import WRITER
from backend.auth.principal import Principal, Who
from backend.jobs.job import NewJob
from backend.uploads.receiving import megabytes, whole_body
from backend.uploads.refusals import refuse_beyond_quota, refuse_empty
from minimascope.client.packed import MIB, MOST_PACKED, unpacked
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report, Stage
from minimascope.contract.schemas import (
    Analysis,
    AnalysisName,
    AnalysisRequest,
    MadeBy,
    RunName,
    Step,
)

router = APIRouter(prefix="/reports", tags=["analyses"])
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
MOST_WORDS = 40  # characters of a version that are kept


@router.post("", status_code=201, openapi_extra=BODY, dependencies=[WRITER])
async def publish(
    request: Request,
    analyses: Analyses,
    who: Who,
    name: Annotated[AnalysisName, Query(description="display text only")] = "",
    run: Annotated[RunName | None, Query(description="which training run")] = None,
    step: Annotated[Step | None, Query(description="after so many steps of it")] = None,
    key: Key = None,
) -> Analysis:
    """Keeps a report that was computed elsewhere: the file that `report.save` writes.

    Nothing is computed again. It is shown as computed elsewhere, by the version that its report
    names, and never given as the answer to files and parameters; planes and lines on demand are
    refused, because its weights and data are not here.
    """
    if (run is None) != (step is None):
        raise ProblemError("invalid_request", "run and step go together.", "Give both or neither.")
    analyses.uploads.count(who)
    content = await _received(request, analyses, who)
    asked = AnalysisRequest(name=name, checkpoint="", train="", run=run, step=step)
    sent = publication(asked, content, key, owner=who.id)
    known = await asyncio.to_thread(analyses.known, sent)
    return known or await asyncio.to_thread(_kept, analyses, asked, content, sent)


async def _received(request: Request, analyses: AnalysisService, who: Principal) -> bytes:
    """Raises ProblemError `too_large`, `storage_full`, `empty_file`."""
    parts: list[bytes] = []
    size = 0
    async for each in megabytes(whole_body(request), who.id):
        parts += each
        size += sum(map(len, each))
        if size > MOST_PACKED:
            raise ProblemError("too_large", f"A report may have {MOST_PACKED // MIB} MiB.")
    refuse_empty(size)
    refuse_beyond_quota(size, room=await asyncio.to_thread(analyses.uploads.room, who))
    return b"".join(parts)


def _kept(
    analyses: AnalysisService, asked: AnalysisRequest, content: bytes, sent: Submission
) -> Analysis:
    """Checked as a whole before anything of it is kept."""
    report, arrays = unpacked(content)
    stages = _stages(report)
    asked = asked.model_copy(update={"parameters": _parameters(report, stages)})
    job = NewJob("analysis", "", {"files": {}}, stages=tuple(stages), owner=sent.owner)
    store = analyses.store
    try:
        store.put(store.report(job.id), report.model_dump_json(by_alias=True).encode())
        for name, each in arrays.items():
            store.put(store.array(job.id, name), each)
        analyses.repository.import_done(
            asked,
            job,
            sorted(arrays),
            now=time.time(),
            submission=sent,
            message="Computed elsewhere and published here.",
            code=_made_by(report),
        )
    except ProblemError:
        store.delete_result(job.id)
        raise
    return analyses.repository.analysis(job.id)


def _stages(report: Report) -> list[Stage]:
    """Those that it has numbers of."""
    found: list[Stage] = [
        stage
        for stage in ("spectrum", "gap", "boundary", "margins")
        if getattr(report, stage) is not None
    ]
    if report.spectrum and report.spectrum.density:
        found.insert(1, "density")
    return found


def _parameters(report: Report, stages: list[Stage]) -> Parameters:
    """What is known of them; the report's own words say the rest."""
    told = {"seed": report.seed, "dtype": report.dtype, **({"stages": stages} if stages else {})}
    try:
        return Parameters.model_validate(told)
    except ValueError:
        return Parameters()


def _made_by(report: Report) -> MadeBy:
    """As the report names itself; nothing here vouches for it."""
    said = {
        name: report.versions.get(key, "")[:MOST_WORDS].replace("/", " ")
        for name, key in (
            ("version", "minimascope"),
            ("estimators", "estimators"),
            ("build", "build"),
        )
    }
    return MadeBy(**{**said, "version": said["version"] or "unknown"})
