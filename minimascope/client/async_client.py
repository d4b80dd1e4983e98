"""The calls of `minimascope.client.Client`, awaited: what the dashboard asks of its server.

Each method is described where `Client` has it; here nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

import httpx

from minimascope.client import calls
from minimascope.client.calls import (
    CHUNK,
    LONG_POLL,
    PREFIX,
    TIMEOUT,
    AnswerT,
    Array,
    Call,
    authorization,
    resume,
)
from minimascope.client.events import Event, EventText
from minimascope.contract.questions.descents import Descent, DescentPath, DescentRequest
from minimascope.contract.questions.interpolations import (
    Interpolation,
    InterpolationCurve,
    InterpolationRequest,
)
from minimascope.contract.questions.question import Question
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.report import Report
from minimascope.contract.runs import Run, RunPage
from minimascope.contract.schemas import (
    Analysis,
    AnalysisChange,
    AnalysisPage,
    AnalysisPlan,
    AnalysisRequest,
    CandidateTable,
    KeyNumbersPage,
    Upload,
    UploadKind,
    UploadPage,
)
from minimascope.contract.weights import WeightReport, WeightsRequest

T = TypeVar("T")
LARGE = 1 << 16  # bytes that take milliseconds to decode


async def _chunks_async(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


class AsyncClient:
    """The same calls, awaited."""

    def __init__(
        self, base_url: str, token: str = "", *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.base_url + PREFIX,
            headers=authorization(token),
            transport=transport,
            timeout=TIMEOUT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T], content: AsyncIterator[bytes] | None = None) -> T:
        """Performs one call of `minimascope.client.calls`; raises ProblemError."""
        try:
            response = await self._http.request(
                call.method,
                call.path,
                params=dict(call.params),
                json=call.json,
                headers=dict(call.headers),
                content=content,
            )
        except httpx.TransportError as error:
            raise calls.unreachable(self.base_url, error) from error
        calls.check(response)
        if len(response.content) > LARGE:  # others are answered meanwhile
            return await asyncio.to_thread(call.decode, response)
        return call.decode(response)

    async def store(self, kind: UploadKind, file: Path | BinaryIO, *, name: str = "") -> Upload:
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return await self.store(kind, opened, name=name or file.name)
        return await self.send(calls.store(kind, name), _chunks_async(file))

    async def upload(self, kind: UploadKind, identifier: str) -> Upload:
        return await self.send(calls.upload(kind, identifier))

    async def uploads(
        self, kind: UploadKind, *, limit: int = 50, cursor: str | None = None
    ) -> UploadPage:
        return await self.send(calls.uploads(kind, limit=limit, cursor=cursor))

    async def delete_upload(self, kind: UploadKind, identifier: str) -> None:
        await self.send(calls.delete_upload(kind, identifier))

    async def submit(
        self, request: AnalysisRequest, *, idempotency_key: str | None = None
    ) -> Analysis:
        return await self.send(calls.submit(request, idempotency_key=idempotency_key))

    async def plan(self, request: AnalysisRequest) -> AnalysisPlan:
        return await self.send(calls.plan(request))

    async def weights(self, checkpoint: str, *, against: str | None = None) -> WeightReport:
        request = WeightsRequest(checkpoint=checkpoint, against=against)
        return await self.send(calls.weights(request))

    async def architectures(self, request: AnalysisRequest) -> CandidateTable:
        return await self.send(calls.architectures(request))

    async def analyses(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        q: str | None = None,
    ) -> AnalysisPage:
        return await self.send(calls.analyses(limit=limit, cursor=cursor, state=state, q=q))

    async def analysis(self, identifier: str) -> Analysis:
        return await self.send(calls.analysis(identifier))

    async def cancel(self, identifier: str) -> Analysis:
        return await self.send(calls.cancel(identifier))

    async def retry(self, identifier: str) -> Analysis:
        return await self.send(calls.retry(identifier))

    async def describe(self, identifier: str, change: AnalysisChange) -> Analysis:
        """Name, notes, tags, project of an analysis; what is not given stays."""
        return await self.send(calls.describe(identifier, change))

    async def pin(self, identifier: str, *, pinned: bool = True) -> Analysis:
        """Keeps an analysis whatever its age, or no longer."""
        return await self.send(calls.pin(identifier, pinned=pinned))

    async def delete_analysis(self, identifier: str) -> None:
        await self.send(calls.delete_analysis(identifier))

    async def report(self, identifier: str) -> Report:
        return await self.send(calls.report(identifier))

    async def array(self, identifier: str, name: str) -> Array:
        return await self.send(calls.array(identifier, name))

    async def arrays(self, identifier: str) -> dict[str, Array]:
        return await self.send(calls.arrays(identifier))

    async def runs(self, *, limit: int = 50, cursor: str | None = None) -> RunPage:
        return await self.send(calls.runs(limit=limit, cursor=cursor))

    async def run(self, name: str) -> Run:
        return await self.send(calls.run(name))

    async def slice(
        self, identifier: str, request: SliceRequest, *, seconds: float = 600.0
    ) -> dict[str, Array]:
        found = await self.answered(identifier, request, Slice, seconds=seconds)
        return await self.send(calls.answer_arrays(found))

    async def interpolation(
        self, identifier: str, request: InterpolationRequest, *, seconds: float = 600.0
    ) -> InterpolationCurve:
        found = await self.answered(identifier, request, Interpolation, seconds=seconds)
        assert found.curve
        return found.curve

    async def descent(
        self, identifier: str, request: DescentRequest, *, seconds: float = 900.0
    ) -> tuple[DescentPath, bytes]:
        found = await self.answered(identifier, request, Descent, seconds=seconds)
        assert found.path
        arrays = await self.send(calls.answer_arrays(found))
        return found.path, arrays["checkpoint"].tobytes()

    async def answered(
        self, identifier: str, question: Question, answer: type[AnswerT], *, seconds: float
    ) -> AnswerT:
        deadline = time.monotonic() + seconds
        while True:
            found = await self.send(calls.ask(identifier, question, answer, wait=LONG_POLL))
            if found.state == "done":
                return found
            if time.monotonic() > deadline:
                raise calls.not_ready(answer.kind, seconds)

    async def compare(self, identifiers: Sequence[str]) -> KeyNumbersPage:
        return await self.send(calls.compare(identifiers))

    async def events(self, identifier: str, *, last_event_id: str = "") -> AsyncIterator[Event]:
        path, events = f"/analyses/{identifier}/events", EventText()
        headers = resume(last_event_id)
        try:
            async with self._http.stream("GET", path, headers=headers) as stream:
                if not stream.is_success:
                    await stream.aread()
                    calls.check(stream)
                async for text in stream.aiter_text():
                    for event in events.feed(text):
                        calls.check_event(event)
                        yield event
        except httpx.TransportError as error:
            raise calls.unreachable(self.base_url, error) from error
