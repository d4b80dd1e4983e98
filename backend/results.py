"""Reports and arrays, and the numbers that compare analyses."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from backend.identity import Who
from backend.key_numbers import key_numbers
from backend.service import Here, Service
from minimascope.problems import ProblemError
from minimascope.report import Report
from minimascope.schemas import KeyNumbers, KeyNumbersPage

router = APIRouter(tags=["results"])
MAX_JSON_ELEMENTS = 2_000_000
MAX_COMPARED = 50
NPY = "application/octet-stream"
Match = Annotated[str | None, Header(alias="If-None-Match")]


def _not_yet(what: str) -> ProblemError:
    return ProblemError(
        f"no_{what}_yet",
        f"This analysis has no {what} yet.",
        "It appears when its stage is done; follow /events.",
        status=404,
    )


def _conditional(content: bytes, media_type: str, match: str | None) -> Response:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    if match and etag in match:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


@router.get("/analyses/{identifier}/report", response_model=Report)
def report(identifier: str, service: Here, match: Match = None) -> Response:
    """The report so far: sections of stages that are not done are null."""
    service.repository.analysis(identifier)
    try:
        content = service.store.have(service.store.report(identifier)).read_bytes()
    except FileNotFoundError as error:
        raise _not_yet("report") from error
    return _conditional(content, "application/json", match)


def _array_path(service: Service, identifier: str, name: str, known: Sequence[str]) -> Path:
    path = service.store.array(identifier, name)
    if name not in known:
        raise ProblemError(
            "no_such_array",
            f"There is no array {name!r} here.",
            "It does not apply, or is not computed yet.",
            status=404,
        )
    return service.store.have(path)


def _jsonable(values: Any) -> Any:
    if isinstance(values, list):
        return [_jsonable(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _as_json(name: str, content: Path) -> Response:
    array: np.ndarray[Any, Any] = np.load(content, allow_pickle=False, mmap_mode="r")
    if array.size > MAX_JSON_ELEMENTS:
        raise ProblemError(
            "too_large_for_json",
            f"{name} has {array.size} elements; JSON ends at {MAX_JSON_ELEMENTS}.",
            "Ask for application/octet-stream (.npy).",
            status=406,
        )
    shape = list(array.shape)
    data = _jsonable(array.tolist())
    return JSONResponse({"name": name, "dtype": str(array.dtype), "shape": shape, "data": data})


@router.get(
    "/analyses/{identifier}/arrays/{name}",
    response_class=Response,
    responses={200: {"content": {NPY: {}, "application/json": {}}}},
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
    path = _array_path(service, identifier, name, known)
    if "application/json" in request.headers.get("accept", ""):
        return _as_json(name, path)
    return _conditional(path.read_bytes(), NPY, match)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(1 << 20):
            yield chunk


@router.get(
    "/analyses/{identifier}/arrays.npz",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
def arrays(identifier: str, service: Here) -> StreamingResponse:
    """Every array of the analysis in one file for `numpy.load`."""
    names = service.repository.analysis(identifier).arrays
    if not names:
        raise _not_yet("arrays")
    return zipped(service, identifier, names)


def zipped(service: Service, identifier: str, names: Sequence[str]) -> StreamingResponse:
    """The named arrays of a result as .npz."""
    file = TemporaryFile()  # noqa: SIM115 - closed by the stream that reads it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            archive.write(service.store.have(service.store.array(identifier, name)), f"{name}.npy")
    headers = {"content-disposition": f'attachment; filename="{identifier}.npz"'}
    return StreamingResponse(_read(file), media_type="application/zip", headers=headers)


@router.get("/compare")
def compare(
    service: Here, who: Who, ids: Annotated[str, Query(description="analyses, comma-separated")]
) -> KeyNumbersPage:
    """The key numbers of several analyses, in the order asked for."""
    wanted = [identifier for identifier in ids.split(",") if identifier]
    if not 1 <= len(wanted) <= MAX_COMPARED:
        sentence = f"Compare 1 to {MAX_COMPARED} analyses, not {len(wanted)}."
        raise ProblemError("invalid_request", sentence)
    if who.owner is not None:
        for identifier in wanted:
            service.repository.check_analysis(identifier, who.owner, reading=True, share="")
    return KeyNumbersPage(items=[_compared(service, identifier) for identifier in wanted])


def _compared(service: Service, identifier: str) -> KeyNumbers:
    head = service.repository.analysis(identifier)
    try:
        content = service.store.have(service.store.report(identifier)).read_bytes()
    except FileNotFoundError:
        return KeyNumbers(id=head.id, name=head.name, state=head.state)
    return key_numbers(head, Report.model_validate_json(content))
