"""Every refusal as `application/problem+json` (RFC 9457), with the request's id."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from backend.storage.database import AnyDatabaseError, DatabaseUnavailable, damaged, is_damaged
from backend.storage.incoming import no_room
from minimascope.contract.problem_codes import title
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import ProblemDocument

log = logging.getLogger("minimascope.backend")
CODES = {
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "body_too_large",
}


def problem_document(problem: ProblemError, request_id: str = "") -> ProblemDocument:
    return ProblemDocument(
        title=title(problem.status),
        status=problem.status,
        code=problem.code,
        sentence=problem.sentence,
        advice=problem.advice,
        request_id=request_id,
    )


def problem_response(
    problem: ProblemError, request_id: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(
        problem_document(problem, request_id).model_dump(),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def _request_id(request: Request) -> str:
    return str(request.scope.get("minimascope.request_id", ""))


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return problem_response(error, _request_id(request))


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "http_error")
    sentence = {
        404: f"There is nothing at {request.url.path[:200]!r}.",
        405: f"{request.method} is not possible at {request.url.path[:200]!r}.",
    }.get(error.status_code, str(error.detail))
    problem = ProblemError(code, sentence, "See /api/v1/docs.", status=error.status_code)
    return problem_response(problem, _request_id(request), error.headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "value_error":  # a sentence of ours
        problem = ProblemError("invalid_request", str(first["ctx"]["error"]))
        return problem_response(problem, _request_id(request))
    where = ".".join(str(part) for part in first["loc"])
    given = repr(first.get("input"))[:80]
    sentence = f"{where}: {first['msg']} (given {given})."
    problem = ProblemError("invalid_request", sentence, "See /api/v1/docs.")
    return problem_response(problem, _request_id(request))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    identifier = _request_id(request)
    log.error("request %s failed", identifier, exc_info=error)
    return problem_response(internal(identifier), identifier)


def internal(request_id: str) -> ProblemError:
    """A fault of ours; what it was only in the log."""
    return ProblemError(
        "internal_error",
        "The server failed at this request.",
        f"Its log names the cause under request id {request_id}.",
    )


def database_problem(error: Exception, request_id: str) -> ProblemError:
    """A database that is away, damaged or has no room; its own words only in the log."""
    log.error("request %s: the database: %s", request_id, error)
    if is_damaged(error):
        return damaged(error)
    if "disk is full" in str(error) or "No space left" in str(error):
        return no_room("The disk of the database is full.")
    if isinstance(error, DatabaseUnavailable):
        return ProblemError("database_away", "The database does not answer.")
    return internal(request_id)


def _database(request: Request, error: Exception) -> JSONResponse:
    identifier = _request_id(request)
    return problem_response(database_problem(error, identifier), identifier)


def _gone(request: Request, error: Exception) -> Response:
    """Who asked is not there any more: nobody reads this, and it is no fault of ours."""
    log.info("request %s: the caller went away in the middle of it", _request_id(request))
    return Response(status_code=400)


def install(app: FastAPI) -> None:
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(AnyDatabaseError, _database)
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
