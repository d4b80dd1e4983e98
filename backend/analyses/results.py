"""Reports and arrays, and the numbers that compare analyses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from backend.analyses.key_numbers import key_numbers
from backend.auth.principal import Who
from backend.http import representations
from backend.http.representations import JSON, NPY, NPZ, Match
from backend.service import Here, Service
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.schemas import KeyNumbers, KeyNumbersPage

router = APIRouter(tags=["results"])
MAX_COMPARED = 50


def not_yet(what: str) -> ProblemError:
    return ProblemError(
        f"no_{what}_yet",
        f"This analysis has no {what} yet.",
        "It appears when its stage is done; follow /events.",
        status=404,
    )


@router.get("/analyses/{identifier}/report", response_model=Report)
def report(identifier: str, service: Here, match: Match = None) -> Response:
    """The report so far: sections of stages that are not done are null."""
    service.repository.analysis(identifier)
    try:
        content = service.store.have(service.store.report(identifier)).read_bytes()
    except FileNotFoundError as error:
        raise not_yet("report") from error
    return representations.document(content, match)


@router.get(
    "/analyses/{identifier}/arrays/{name}",
    response_class=Response,
    responses={200: {"content": {NPY: {}, JSON: {}}}},
)
def array(
    identifier: str, name: str, request: Request, service: Here, match: Match = None
) -> Response:
    """One array as .npy, or as JSON where `Accept: application/json` asks for it."""
    known = service.repository.analysis(identifier).arrays
    return array_response(service, identifier, name, known, request, match)


def array_response(
    service: Service,
    identifier: str,
    name: str,
    known: Sequence[str],
    request: Request,
    match: str | None,
) -> Response:
    """One of the `known` arrays of a result, in the form that the request takes."""
    path = service.store.array(identifier, name)
    try:
        if name in known:
            accept = request.headers.get("accept", "")
            found = service.store.have(path)
            return representations.array(name, found, accept=accept, match=match)
    except FileNotFoundError:  # deleted, or tried again, meanwhile
        pass
    raise ProblemError(
        "no_such_array",
        f"There is no array {name!r} here.",
        "It does not apply, or is not computed yet.",
        status=404,
    )


@router.get(
    "/analyses/{identifier}/arrays.npz",
    response_class=Response,
    responses={200: {"content": {NPZ: {}}}},
)
def arrays(identifier: str, service: Here, match: Match = None) -> Response:
    """Every array of the analysis in one file for `numpy.load`."""
    names = service.repository.analysis(identifier).arrays
    if not names:
        raise not_yet("arrays")
    return arrays_response(service, identifier, names, match)


def arrays_response(
    service: Service, identifier: str, names: Sequence[str], match: str | None
) -> Response:
    """The named arrays of a result as .npz."""
    try:
        paths = {name: service.store.have(service.store.array(identifier, name)) for name in names}
        return representations.archive(paths, name=identifier, match=match)
    except FileNotFoundError as error:  # deleted, or tried again, meanwhile
        raise not_yet("arrays") from error


@router.get("/compare", response_model=KeyNumbersPage)
def compare(
    service: Here,
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
            service.repository.check_analysis(identifier, who.owner, reading=True, share="")
    page = KeyNumbersPage(items=[_compared(service, identifier) for identifier in wanted])
    return representations.document(page.model_dump_json().encode(), match)


def _compared(service: Service, identifier: str) -> KeyNumbers:
    head = service.repository.analysis(identifier)
    try:
        content = service.store.have(service.store.report(identifier)).read_bytes()
    except FileNotFoundError:
        return KeyNumbers(id=head.id, name=head.name, state=head.state)
    return key_numbers(head, Report.model_validate_json(content))
