"""The browser's modules, under an address that changes with any of them.

Dash would load every `.mjs` below its assets by a tag of its own, in order of name, and version
those tags alone: what a module imports has no version, so after an update a browser may run new
modules with old ones it keeps. Here the folder's name is a digest of all of them: one page, one
release, kept by browsers for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, HTTPException, Response

FOLDER = Path(__file__).parents[1] / "browser"
PLACE = "/assets/browser"
ENTRY = "boot.js"
HEADERS = {"cache-control": "public, max-age=31536000, immutable"}
SERVED = (".mjs", ".js")


@dataclass(frozen=True)
class Modules:
    """Files by their path below the folder, and the digest of all of them."""

    files: dict[str, bytes]
    digest: str

    def address(self, path: str) -> str:
        """Where the browser finds one of them."""
        return f"{PLACE}/{self.digest}/{path}"

    def entry(self) -> str:
        """The tag of what runs before anything is painted."""
        return f'<script src="{self.address(ENTRY)}"></script>'

    def preloads(self) -> str:
        """Early word of all that it will import, which would else be found level by level."""
        others = [self.address(path) for path in self.files if path != ENTRY]
        return "".join(f'<link rel="modulepreload" href="{address}">' for address in others)


def read_modules(folder: Path = FOLDER) -> Modules:
    """All that is served of `folder`; types and licences are not."""
    files = dict(_found(folder))
    digest = hashlib.sha256()
    for path, content in files.items():
        digest.update(f"{path} {len(content)} ".encode() + content)
    return Modules(files, digest.hexdigest()[:16])


def _found(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in SERVED:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def module_routes(app: FastAPI, modules: Modules) -> None:
    """Adds them to `app`; those of another release are not found."""

    @app.get(PLACE + "/{digest}/{path:path}", include_in_schema=False)
    async def module(digest: str, path: str) -> Response:
        if digest != modules.digest or path not in modules.files:
            raise HTTPException(404)
        return Response(modules.files[path], media_type="text/javascript", headers=HEADERS)
