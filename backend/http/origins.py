"""Which addresses and pages a request may come by: no DNS rebinding, no other site's pages."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from minimascope.contract.problems import ProblemError

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_unsafe(connection: HTTPConnection) -> bool:
    """Whether it may change something."""
    return connection.scope.get("method", "WS") not in SAFE_METHODS


def _place(address: str) -> SplitResult:
    """Its parts; none where it is no address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def check_address(connection: HTTPConnection, *, listening_on: str) -> None:
    """Raises ProblemError `wrong_host`, `wrong_origin` or `invalid_request`."""
    _check_host(connection.headers, listening_on)
    _check_origin(connection)
    # PostgreSQL's text holds no NUL, and no name or id needs one.
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise ProblemError("invalid_request", "The address holds a NUL character.", status=400)


def _check_host(headers: Headers, listening_on: str) -> None:
    """Stops DNS rebinding: on loopback only loopback names reach us."""
    if not is_loopback(listening_on):
        return
    host = headers.get("host", "")
    if _place(f"//{host}").hostname not in LOOPBACK | {listening_on}:
        raise ProblemError("wrong_host", f"This server does not answer for {host[:80]!r}.")


def _check_origin(connection: HTTPConnection) -> None:
    """A page of another site must not act through a visitor's browser."""
    origin = connection.headers.get("origin")
    if is_unsafe(connection) and origin and _place(origin).netloc != connection.headers.get("host"):
        raise ProblemError("wrong_origin", f"Requests from {origin[:80]!r} are not accepted.")
