"""REST calls as values: what to send and how to read the answer, shared by both clients."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import numpy as np

from minimascope.client.events import Event
from minimascope.contract.problems import ProblemError
from minimascope.contract.questions.question import AnswerDocument, Question, QuestionKind
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

PREFIX = "/api/v1"
T = TypeVar("T")
AnswerT = TypeVar("AnswerT", bound=AnswerDocument)
CHUNK = 1 << 20
LONG_POLL = 15.0  # seconds a server may hold a question
# A submission waits for the worker's check; an event stream is quiet between keep-alives.
TIMEOUT = httpx.Timeout(90.0, connect=5.0)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and its decoder; `path` is below `/api/v1`."""

    method: str
    path: str
    decode: Callable[[httpx.Response], T]
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True  # twice is as once


def check(response: httpx.Response) -> None:
    """Raises ProblemError for every answer that is not a success (body already read)."""
    if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
        return
    try:
        document = response.json()
        problem = ProblemError.from_dict({**document, "status": response.status_code})
    except (ValueError, KeyError, TypeError):
        problem = ProblemError(
            "unexpected_answer",
            f"The server answered {response.status_code} without saying why.",
            status=response.status_code,
        )
    raise problem


def check_event(event: Event) -> None:
    """Raises the ProblemError with which a server ends a stream: deleted, or access revoked."""
    if event.name == "problem":
        raise ProblemError.from_dict(event.data)


def unreachable(base_url: str, error: httpx.TransportError) -> ProblemError:
    """The refusal for a server that does not answer."""
    reason = str(error) or type(error).__name__
    return ProblemError(
        "server_unreachable",
        f"No minimascope server answers at {base_url} ({reason}).",
        "Start one with `minimascope serve`, or give its address with --server.",
    )


NOT_READY = {
    "slice": "slice_not_ready",
    "interpolation": "interpolation_not_ready",
    "descent": "descent_not_ready",
}
ASKED: dict[QuestionKind, str] = {"slice": "plane", "interpolation": "line", "descent": "descent"}


def not_ready(what: QuestionKind, seconds: float) -> ProblemError:
    """The refusal of a client that waited long enough."""
    return ProblemError(
        NOT_READY[what],
        f"No worker computed this {ASKED[what]} within {seconds:g} seconds.",
        "Ask again: it is computed once only.",
        status=504,
    )


def authorization(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def resume(last_event_id: str) -> dict[str, str]:
    return {"last-event-id": last_event_id} if last_event_id else {}


def _nothing(_: httpx.Response) -> None:
    return None


def _array(response: httpx.Response) -> Array:
    return np.load(io.BytesIO(response.content), allow_pickle=False)


def _arrays(response: httpx.Response) -> dict[str, Array]:
    with np.load(io.BytesIO(response.content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _page(
    limit: int, cursor: str | None, state: str | None = None, q: str | None = None
) -> dict[str, str | int]:
    given = {"cursor": cursor, "state": state, "q": q}
    return {"limit": limit, **{name: value for name, value in given.items() if value}}


def upload(kind: UploadKind, identifier: str) -> Call[Upload]:
    return Call("GET", f"/{kind}s/{identifier}", lambda r: Upload.model_validate_json(r.content))


def uploads(kind: UploadKind, *, limit: int, cursor: str | None) -> Call[UploadPage]:
    def decode(response: httpx.Response) -> UploadPage:
        return UploadPage.model_validate_json(response.content)

    return Call("GET", f"/{kind}s", decode, params=_page(limit, cursor))


def store(kind: UploadKind, name: str, *, repeatable: bool = True) -> Call[Upload]:
    """The body is given to `send` apart: a stream of bytes, which can be gone over again or not."""
    return Call(
        "POST",
        f"/{kind}s",
        lambda r: Upload.model_validate_json(r.content),
        params={"name": name},
        headers={"content-type": "application/octet-stream"},
        repeatable=repeatable,
    )


def delete_upload(kind: UploadKind, identifier: str) -> Call[None]:
    return Call("DELETE", f"/{kind}s/{identifier}", _nothing, repeatable=False)


def publish(name: str, run: str | None, step: int | None, *, key: str) -> Call[Analysis]:
    """The body is the file of a saved report; sent twice with one `key`, it is kept once."""
    given = {"name": name, "run": run, "step": step}
    params = {k: each for k, each in given.items() if each not in (None, "")}
    headers = {"content-type": "application/octet-stream", "idempotency-key": key}
    return Call("POST", "/reports", _analysis, params=params, headers=headers)


def runs(*, limit: int, cursor: str | None) -> Call[RunPage]:
    def decode(response: httpx.Response) -> RunPage:
        return RunPage.model_validate_json(response.content)

    return Call("GET", "/runs", decode, params=_page(limit, cursor))


def run(name: str) -> Call[Run]:
    return Call(
        "GET", f"/runs/{quote(name, safe='')}", lambda r: Run.model_validate_json(r.content)
    )


def _analysis(response: httpx.Response) -> Analysis:
    return Analysis.model_validate_json(response.content)


def submit(request: AnalysisRequest, *, idempotency_key: str | None) -> Call[Analysis]:
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    body = request.model_dump(mode="json")
    again = idempotency_key is not None
    return Call("POST", "/analyses", _analysis, json=body, headers=headers, repeatable=again)


def plan(request: AnalysisRequest) -> Call[AnalysisPlan]:
    def decode(response: httpx.Response) -> AnalysisPlan:
        return AnalysisPlan.model_validate_json(response.content)

    return Call("POST", "/plans", decode, json=request.model_dump(mode="json"))


def weights(request: WeightsRequest) -> Call[WeightReport]:
    def decode(response: httpx.Response) -> WeightReport:
        return WeightReport.model_validate_json(response.content)

    return Call("POST", "/weights", decode, json=request.model_dump(mode="json"))


def architectures(request: AnalysisRequest) -> Call[CandidateTable]:
    def decode(response: httpx.Response) -> CandidateTable:
        return CandidateTable.model_validate_json(response.content)

    return Call("POST", "/architectures", decode, json=request.model_dump(mode="json"))


def analyses(
    *, limit: int, cursor: str | None, state: str | None, q: str | None
) -> Call[AnalysisPage]:
    def decode(response: httpx.Response) -> AnalysisPage:
        return AnalysisPage.model_validate_json(response.content)

    return Call("GET", "/analyses", decode, params=_page(limit, cursor, state, q))


def analysis(identifier: str) -> Call[Analysis]:
    return Call("GET", f"/analyses/{identifier}", _analysis)


def cancel(identifier: str) -> Call[Analysis]:
    return Call("POST", f"/analyses/{identifier}/cancel", _analysis, repeatable=False)


def retry(identifier: str) -> Call[Analysis]:
    return Call("POST", f"/analyses/{identifier}/retry", _analysis, repeatable=False)


def describe(identifier: str, change: AnalysisChange) -> Call[Analysis]:
    given = change.model_dump(mode="json", exclude_unset=True)
    return Call("PATCH", f"/analyses/{identifier}", _analysis, json=given)


def pin(identifier: str, *, pinned: bool) -> Call[Analysis]:
    return Call("PUT" if pinned else "DELETE", f"/analyses/{identifier}/pin", _analysis)


def delete_analysis(identifier: str) -> Call[None]:
    return Call("DELETE", f"/analyses/{identifier}", _nothing, repeatable=False)


def report(identifier: str) -> Call[Report]:
    def decode(response: httpx.Response) -> Report:
        return Report.model_validate_json(response.content)

    return Call("GET", f"/analyses/{identifier}/report", decode)


def report_bytes(identifier: str) -> Call[bytes]:
    return Call("GET", f"/analyses/{identifier}/report", lambda r: r.content)


def array(identifier: str, name: str) -> Call[Array]:
    return Call("GET", f"/analyses/{identifier}/arrays/{name}", _array)


def arrays(identifier: str) -> Call[dict[str, Array]]:
    return Call("GET", f"/analyses/{identifier}/arrays.npz", _arrays)


def arrays_bytes(identifier: str) -> Call[bytes]:
    return Call("GET", f"/analyses/{identifier}/arrays.npz", lambda r: r.content)


def ask(analysis: str, question: Question, answer: type[AnswerT], *, wait: float) -> Call[AnswerT]:
    """The answer where it is there after `wait` seconds, else how far it is."""

    def decode(response: httpx.Response) -> AnswerT:
        return answer.model_validate_json(response.content)

    path = f"/analyses/{analysis}/{answer.kind}s"
    body = question.model_dump(mode="json")
    return Call("POST", path, decode, json=body, params={"wait": f"{wait:g}"})


def answer_arrays(answer: AnswerDocument) -> Call[dict[str, Array]]:
    """The arrays of an answer that is done."""
    path = f"/analyses/{answer.analysis}/{answer.kind}s/{answer.id}/arrays.npz"
    return Call("GET", path, _arrays)


def compare(identifiers: Sequence[str]) -> Call[KeyNumbersPage]:
    def decode(response: httpx.Response) -> KeyNumbersPage:
        return KeyNumbersPage.model_validate_json(response.content)

    return Call("GET", "/compare", decode, params={"ids": ",".join(identifiers)})


def ready() -> Call[dict[str, Any]]:
    return Call("GET", "/health/ready", lambda r: dict(r.json()))
