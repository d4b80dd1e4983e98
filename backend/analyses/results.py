"""Reports and arrays, and the numbers that compare analyses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from backend.analyses.service import Analyses, AnalysisService
from backend.auth.permissions import READER, READS_ANALYSIS, check_readable
from backend.auth.principal import Who
from backend.http import representations
from backend.http.representations import JSON, NPY, NPZ, Match
from backend.storage.files import Store
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import SCHEMA_VERSION, Report
from minimascope.contract.report.key_numbers import key_numbers
from minimascope.contract.schemas import KeyNumbers, KeyNumbersPage

router = APIRouter(tags=["results"])
MAX_COMPARED = 50


NOT_YET = {"report": "no_report_yet", "arrays": "no_arrays_yet"}


def not_yet(what: str) -> ProblemError:
    return ProblemError(
        NOT_YET[what],
        f"This analysis has no {what} yet.",
        "It appears when its stage is done; follow /events.",
    )


@router.get("/analyses/{identifier}/report", response_model=Report, dependencies=[READS_ANALYSIS])
def report(identifier: str, analyses: Analyses, match: Match = None) -> Response:
    """The report so far: sections of stages that are not done are null."""
    analyses.repository.analysis(identifier)
    try:
        content = analyses.store.have(analyses.store.report(identifier)).read_bytes()
    except FileNotFoundError as error:
        raise not_yet("report") from error
    return representations.document(of_today(content), match)


def of_today(content: bytes) -> bytes:
    """A report that an earlier version stored, in the schema that is served."""
    if json.loads(content).get("schema_version", SCHEMA_VERSION) == SCHEMA_VERSION:
        return content
    return Report.model_validate_json(content).model_dump_json(by_alias=True).encode()


@router.get(
    "/analyses/{identifier}/arrays/{name}",
    response_class=Response,
    responses={200: {"content": {NPY: {}, JSON: {}}}},
    dependencies=[READS_ANALYSIS],
)
def array(
    identifier: str, name: str, request: Request, analyses: Analyses, match: Match = None
) -> Response:
    """One array as .npy, or as JSON where `Accept: application/json` asks for it."""
    known = analyses.repository.analysis(identifier).arrays
    return array_response(analyses.store, identifier, name, known, request, match)


def array_response(
    store: Store,
    identifier: str,
    name: str,
    known: Sequence[str],
    request: Request,
    match: str | None,
) -> Response:
    """One of the `known` arrays of a result, in the form that the request takes."""
    path = store.array(identifier, name)
    try:
        if name in known:
            accept = request.headers.get("accept", "")
            found = store.have(path)
            return representations.array(name, found, accept=accept, match=match)
    except FileNotFoundError:  # deleted, or tried again, meanwhile
        pass
    raise ProblemError(
        "no_such_array",
        f"There is no array {name!r} here.",
        "It does not apply, or is not computed yet.",
    )


@router.get(
    "/analyses/{identifier}/arrays.npz",
    response_class=Response,
    responses={200: {"content": {NPZ: {}}}},
    dependencies=[READS_ANALYSIS],
)
def arrays(identifier: str, analyses: Analyses, match: Match = None) -> Response:
    """Every array of the analysis in one file for `numpy.load`."""
    names = analyses.repository.analysis(identifier).arrays
    if not names:
        raise not_yet("arrays")
    return arrays_response(analyses.store, identifier, names, match)


def arrays_response(
    store: Store, identifier: str, names: Sequence[str], match: str | None
) -> Response:
    """The named arrays of a result as .npz."""
    try:
        paths = {name: store.have(store.array(identifier, name)) for name in names}
        return representations.archive(paths, name=identifier, match=match)
    except FileNotFoundError as error:  # deleted, or tried again, meanwhile
        raise not_yet("arrays") from error


@router.get("/compare", response_model=KeyNumbersPage, dependencies=[READER])
def compare(
    analyses: Analyses,
    who: Who,
    ids: Annotated[str, Query(description="analyses, comma-separated")],
    match: Match = None,
) -> Response:
    """The key numbers of several analyses, in the order asked for."""
    wanted = [identifier for identifier in ids.split(",") if identifier]
    if not 1 <= len(wanted) <= MAX_COMPARED:
        sentence = f"Compare 1 to {MAX_COMPARED} analyses, not {len(wanted)}."
        raise ProblemError("invalid_request", sentence)
    if who.owner is not None:
        for identifier in wanted:
            check_readable(analyses.access, who, identifier, "")
    page = KeyNumbersPage(items=[_compared(analyses, identifier) for identifier in wanted])
    return representations.document(page.model_dump_json().encode(), match)


def _compared(analyses: AnalysisService, identifier: str) -> KeyNumbers:
    head = analyses.repository.analysis(identifier)
    try:
        content = analyses.store.have(analyses.store.report(identifier)).read_bytes()
    except FileNotFoundError:
        return KeyNumbers(id=head.id, name=head.name, state=head.state)
    numbers = key_numbers(Report.model_validate_json(content))
    return KeyNumbers(id=head.id, name=head.name, state=head.state, **numbers)
