"""Shared links: whoever opens one may read that analysis and its page, and nothing else.

`/analyses/ID?share=KEY` leaves the key in a cookie of that analysis, so that what the page asks for
carries it. The key is compared with the database's at every request: ending the link ends what was
opened with it.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

from starlette.requests import HTTPConnection
from starlette.responses import Response

from backend.auth.principal import GUEST, Principal
from backend.auth.repository import AuthRepository

COOKIE = "minimascope_share_"
COOKIE_SECONDS = 7 * 24 * 3600
MOST = 20  # cookies looked at
PLACE = re.compile(r"/(?:api/v1/)?(?:analyses|drawings)/(?P<id>[0-9a-f]{32})(?:/.*)?")
PAGE = re.compile(r"/analyses/(?P<id>[0-9a-f]{32})/?")
# What the browser needs to show any page; it holds nothing of anybody's.
PLUMBING = ("/_dash", "/assets/", "/_favicon")


def named(path: str) -> str:
    """The analysis an address is about, or ""."""
    found = PLACE.fullmatch(path)
    return found["id"] if found else ""


def shares(connection: HTTPConnection) -> dict[str, str]:
    """Analysis to key, as the request carries them; nothing of it is checked."""
    cookies = list(connection.cookies.items())
    carried = {name.removeprefix(COOKIE): key for name, key in cookies if name.startswith(COOKIE)}
    kept = dict(list(carried.items())[:MOST])
    key, analysis = connection.query_params.get("share", ""), named(connection.scope["path"])
    return {**kept, analysis: key} if key and analysis else kept


def may_see(who: Principal, path: str) -> bool:
    """Whether an address is open to `who`: a guest's are those of its analyses."""
    return who.id != GUEST or path.startswith(PLUMBING) or named(path) in dict(who.shares)


def guest(connection: HTTPConnection, repository: AuthRepository) -> Principal | None:
    """The reader a shared link makes of somebody without a login; None without a good key."""
    now = time.time()
    found = [each for each in shares(connection).items() if repository.is_shared(*each, now=now)]
    who = Principal(GUEST, "somebody with a link", "read", tuple(found))
    return who if found and may_see(who, connection.scope["path"]) else None


def with_shares(who: Principal, connection: HTTPConnection) -> Principal:
    """Somebody with a login may have opened other people's links too."""
    found = shares(connection)
    return replace(who, shares=tuple(found.items())) if found else who


def cookie(connection: HTTPConnection) -> str:
    """The Set-Cookie value for a page opened by a link, or ""."""
    found, key = PAGE.fullmatch(connection.scope["path"]), connection.query_params.get("share", "")
    if found is None or not re.fullmatch(r"[\w-]{1,64}", key):
        return ""
    response = Response()
    response.set_cookie(
        COOKIE + found["id"],
        key,
        max_age=COOKIE_SECONDS,
        secure=connection.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response.headers["set-cookie"]
