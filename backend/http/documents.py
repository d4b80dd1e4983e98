"""The documentation site that `make docs` builds, at /docs/guide where it was installed too."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parents[1] / "documents"
PATH = "/docs/guide"
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Documents:
    """Its files, the pages with a policy: files of this origin, and the site's inline scripts."""

    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder)
        self._policy = _policy(path.read_text() for path in sorted(folder.rglob("*.html")))

    async def file(self, request: Request) -> Response:
        """Raises HTTPException 404."""
        path = request.path_params["path"] or "index.html"
        try:
            answer = await self._files.get_response(path, request.scope)
        except ValueError as error:  # a NUL in it
            raise HTTPException(HTTPStatus.NOT_FOUND) from error
        if answer.headers.get("content-type", "").startswith("text/html"):
            answer.headers["content-security-policy"] = self._policy
        return answer


def _policy(pages: Iterable[str]) -> str:
    scripts = sorted({script for page in pages for script in INLINE.findall(page)})
    hashes = (hashlib.sha256(each.encode()).digest() for each in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in hashes)
    return (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


async def _begin(_: Request) -> Response:
    return RedirectResponse(f"{PATH}/")


def mount(app: FastAPI, folder: Path = FOLDER) -> None:
    """Adds the site; without one built, the glossary at /docs stands alone."""
    if (folder / "index.html").is_file():
        # No Mount: the dashboard tells known addresses from others by their routes' templates.
        app.add_route(PATH, _begin, include_in_schema=False)
        app.add_route(f"{PATH}/{{path:path}}", Documents(folder).file, include_in_schema=False)
