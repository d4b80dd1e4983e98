"""What pages draw, as routes of its own: the browser asks before the page itself has arrived."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from dashboard.drawing.payload import packed_drawing, packed_first_look, packed_tiles
from dashboard.drawing.process import DrawingProcess
from minimascope.client import AsyncClient
from minimascope.client.calls import Array
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.schemas import FINAL_STATES, Analysis

COLUMNS = 6  # tiles in a row of the compare page
SMALL = 400  # thumbnails held: about 15 kB each
KEPT = 32  # drawings of finished analyses held, compressed: about 0.4 MB each at 200 × 200
ROOM = 1  # drawings fetched and made at a time


def about(analysis: Analysis, report: Report) -> dict[str, Any]:
    """What every exported file carries, so that it can be traced and made again."""
    return {
        "id": analysis.id,
        "name": analysis.name,
        "checkpoint": report.checkpoint.sha256,
        "train": analysis.train,
        "test": analysis.test,
        "optimizer_state": analysis.optimizer_state,
        "parameters": analysis.parameters.model_dump(mode="json"),
        "seed": report.seed,
        "dtype": report.dtype,
        "device": report.device,
        "versions": report.versions,
    }


class Drawings:
    """Drawings as gzipped JSON. Those of analyses that no longer change are kept."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._small: OrderedDict[str, bytes] = OrderedDict()
        self._room = asyncio.Semaphore(ROOM)
        self.process = DrawingProcess()

    async def whole(self, identifier: str) -> bytes:
        """Every figure of the analysis page; raises ProblemError where there is no report."""
        analysis = await self._client.analysis(identifier)

        async def made(report: Report, arrays: dict[str, Array]) -> bytes:
            given = (report, arrays, about(analysis, report))
            return await self.process.run(packed_drawing, *given)

        return await self._made(analysis, "whole", made)

    async def tiles(self, identifier: str, vectors: list[int]) -> bytes:
        """The tiles of the compare page, for these 1-based vectors."""
        analysis = await self._client.analysis(identifier)

        async def made(report: Report, arrays: dict[str, Array]) -> bytes:
            return await self.process.run(packed_tiles, report, arrays, vectors)

        return await self._made(analysis, f"tiles {vectors}", made)

    async def thumbnail(self, identifier: str) -> bytes:
        """The boundary's tile alone, for the list."""
        analysis = await self._client.analysis(identifier)

        async def made(report: Report, arrays: dict[str, Array]) -> bytes:
            return await self.process.run(packed_tiles, report, arrays, [])

        return await self._made(analysis, "thumbnail", made, small=True)

    async def first_look(self, identifier: str) -> bytes:
        """What is known before any curvature, for the job's page; null before there is a report."""
        analysis = await self._client.analysis(identifier)

        async def made(report: Report, arrays: dict[str, Array]) -> bytes:
            return await self.process.run(packed_first_look, report, arrays)

        try:
            return await self._made(analysis, "first look", made)
        except ProblemError as problem:
            if problem.code != "no_report_yet":
                raise
            return gzip.compress(b"null", 4, mtime=0)

    async def _made(
        self,
        analysis: Analysis,
        what: str,
        make: Callable[[Report, dict[str, Array]], Awaitable[bytes]],
        *,
        small: bool = False,
    ) -> bytes:
        kept, most = (self._small, SMALL) if small else (self._kept, KEPT)
        name = f"{analysis.id} {analysis.state} {analysis.attempt} {analysis.finished_at} {what}"
        async with self._room:
            if name in kept:
                kept.move_to_end(name)
                return kept[name]
            report, arrays = await asyncio.gather(
                self._client.report(analysis.id), self._arrays(analysis.id)
            )
            packed = await make(report, arrays)
            if analysis.state in FINAL_STATES:
                kept[name] = packed
                while len(kept) > most:
                    kept.popitem(last=False)
        return packed

    async def _arrays(self, identifier: str) -> dict[str, Array]:
        """The arrays so far: none before the first stage that writes one."""
        try:
            return await self._client.arrays(identifier)
        except ProblemError:
            return {}


def vectors_of(text: str | None) -> list[int]:
    """`1-5` or `2,4` as 1-based numbers, at most six; v₁ to v₅ where the text is neither."""
    found: list[int] = []
    for part in (text or "").split(","):
        low, dash_, high = part.strip().partition("-")
        if not low.isdecimal() or (dash_ and not high.isdecimal()):
            return list(range(1, 6))
        found += range(int(low), min(int(high or low), int(low) + COLUMNS) + 1)
    kept = [vector for vector in dict.fromkeys(found) if 1 <= vector <= 200]
    return kept[:COLUMNS] or list(range(1, 6))


def drawing_routes(app: FastAPI, client: AsyncClient) -> DrawingProcess:
    """Adds `GET /drawings/{id}` and what is below it: tiles, thumbnail, first look; who draws."""
    drawings = Drawings(client)

    @app.get("/drawings/{identifier}", include_in_schema=False)
    async def whole(identifier: str, request: Request) -> Response:
        return _answer(await drawings.whole(identifier), request)

    @app.get("/drawings/{identifier}/tiles", include_in_schema=False)
    async def strip(identifier: str, request: Request, vectors: str = "") -> Response:
        return _answer(await drawings.tiles(identifier, vectors_of(vectors)), request)

    @app.get("/drawings/{identifier}/thumbnail", include_in_schema=False)
    async def thumbnail(identifier: str, request: Request) -> Response:
        return _answer(await drawings.thumbnail(identifier), request)

    @app.get("/drawings/{identifier}/first-look", include_in_schema=False)
    async def first_look(identifier: str, request: Request) -> Response:
        return _answer(await drawings.first_look(identifier), request)

    return drawings.process


def _answer(packed: bytes, request: Request) -> Response:
    plain = {"vary": "Accept-Encoding", "cache-control": "no-store"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(packed), media_type="application/json", headers=plain)
    headers = {**plain, "content-encoding": "gzip"}
    return Response(packed, media_type="application/json", headers=headers)
