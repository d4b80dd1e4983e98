"""The REST API from Python: `Client` for scripts, `AsyncClient` for the dashboard.

Both raise `ProblemError` for every refusal. Give `transport` to stay inside
one process (`httpx.ASGITransport(app)`); that transport buffers, so `events` needs a real server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

import httpx

from minimascope.client import calls
from minimascope.client.async_client import AsyncClient
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
from minimascope.contract.questions.interpolations import (
    Interpolation,
    InterpolationCurve,
    InterpolationRequest,
)
from minimascope.contract.questions.question import Question
from minimascope.contract.questions.slices import Slice, SliceRequest
from minimascope.contract.report import Report
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

__all__ = ["AsyncClient", "Client"]
T = TypeVar("T")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


class Client:
    """Synchronous client of one server, e.g. `Client("http://127.0.0.1:8717")`."""

    def __init__(
        self, base_url: str, token: str = "", *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.base_url + PREFIX,
            headers=authorization(token),
            transport=transport,
            timeout=TIMEOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call[T], content: Iterator[bytes] | None = None) -> T:
        """Performs one call of `minimascope.client.calls`; raises ProblemError."""
        try:
            response = self._http.request(
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
        return call.decode(response)

    def store(self, kind: UploadKind, file: Path | BinaryIO, *, name: str = "") -> Upload:
        """Streams a file; raises ProblemError with the inspection's code when it is refused."""
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return self.store(kind, opened, name=name or file.name)
        return self.send(calls.store(kind, name), _chunks(file))

    def upload(self, kind: UploadKind, identifier: str) -> Upload:
        return self.send(calls.upload(kind, identifier))

    def uploads(
        self, kind: UploadKind, *, limit: int = 50, cursor: str | None = None
    ) -> UploadPage:
        return self.send(calls.uploads(kind, limit=limit, cursor=cursor))

    def delete_upload(self, kind: UploadKind, identifier: str) -> None:
        self.send(calls.delete_upload(kind, identifier))

    def submit(self, request: AnalysisRequest, *, idempotency_key: str | None = None) -> Analysis:
        return self.send(calls.submit(request, idempotency_key=idempotency_key))

    def plan(self, request: AnalysisRequest) -> AnalysisPlan:
        """Predicted cost of the spectrum; ProblemError `no_plan_yet` where workers are busy."""
        return self.send(calls.plan(request))

    def architectures(self, request: AnalysisRequest) -> CandidateTable:
        """What bare weights may be, with the loss of each on the training data."""
        return self.send(calls.architectures(request))

    def analyses(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        q: str | None = None,
    ) -> AnalysisPage:
        return self.send(calls.analyses(limit=limit, cursor=cursor, state=state, q=q))

    def analysis(self, identifier: str) -> Analysis:
        return self.send(calls.analysis(identifier))

    def cancel(self, identifier: str) -> Analysis:
        return self.send(calls.cancel(identifier))

    def retry(self, identifier: str) -> Analysis:
        return self.send(calls.retry(identifier))

    def describe(self, identifier: str, change: AnalysisChange) -> Analysis:
        """Name, notes, tags, project of an analysis; what is not given stays."""
        return self.send(calls.describe(identifier, change))

    def pin(self, identifier: str, *, pinned: bool = True) -> Analysis:
        """Keeps an analysis whatever its age, or no longer."""
        return self.send(calls.pin(identifier, pinned=pinned))

    def delete_analysis(self, identifier: str) -> None:
        self.send(calls.delete_analysis(identifier))

    def report(self, identifier: str) -> Report:
        """The report so far; ProblemError `no_report_yet` before the first stage."""
        return self.send(calls.report(identifier))

    def array(self, identifier: str, name: str) -> Array:
        """One array of `contract.arrays.ARRAYS`; ProblemError `no_such_array` where absent."""
        return self.send(calls.array(identifier, name))

    def arrays(self, identifier: str) -> dict[str, Array]:
        return self.send(calls.arrays(identifier))

    def slice(
        self, identifier: str, request: SliceRequest, *, seconds: float = 600.0
    ) -> dict[str, Array]:
        """The arrays `slice_*` of a plane, waited for.

        Raises ProblemError `no_such_slice` for planes that do not exist, `slice_not_ready` where
        no worker computed it within `seconds`.
        """
        found = self.answered(identifier, request, Slice, seconds=seconds)
        return self.send(calls.answer_arrays(found))

    def interpolation(
        self, identifier: str, request: InterpolationRequest, *, seconds: float = 600.0
    ) -> InterpolationCurve:
        """The loss on the line to another analysis, waited for.

        Raises ProblemError `architectures_differ`, `data_differ`, `losses_differ` where there is
        none, `interpolation_not_ready` where no worker computed it within `seconds`.
        """
        found = self.answered(identifier, request, Interpolation, seconds=seconds)
        assert found.curve
        return found.curve

    def answered(
        self, identifier: str, question: Question, answer: type[AnswerT], *, seconds: float
    ) -> AnswerT:
        """Waits until a question is answered; ProblemError where it is not within `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.send(calls.ask(identifier, question, answer, wait=LONG_POLL))
            if found.state == "done":
                return found
            if time.monotonic() > deadline:
                raise calls.not_ready(answer.kind, seconds)

    def compare(self, identifiers: Sequence[str]) -> KeyNumbersPage:
        return self.send(calls.compare(identifiers))

    def events(self, identifier: str, *, last_event_id: str = "") -> Iterator[Event]:
        """Live events: a snapshot first, then changes, ending after a final state."""
        path, events = f"/analyses/{identifier}/events", EventText()
        try:
            with self._http.stream("GET", path, headers=resume(last_event_id)) as stream:
                if not stream.is_success:
                    stream.read()
                    calls.check(stream)
                for text in stream.iter_text():
                    for event in events.feed(text):
                        calls.check_event(event)
                        yield event
        except httpx.TransportError as error:
            raise calls.unreachable(self.base_url, error) from error
