"""Analyses of a server: asked for, followed, ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from minimascope.client import calls
from minimascope.client.calls import resume
from minimascope.client.connection import Connection
from minimascope.client.events import Event, EventText
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import (
    FINAL_STATES,
    Analysis,
    AnalysisChange,
    AnalysisPage,
    AnalysisPlan,
    AnalysisRequest,
    CandidateTable,
    State,
)

Told = Callable[[float, str], Any]
PATIENCE = 20  # times that a stream of events may break
RETRY_SECONDS = 0.5


class Analyses(Connection):
    """What is computed."""

    def submit(self, request: AnalysisRequest, *, idempotency_key: str | None = None) -> Analysis:
        """Queues an analysis of stored files. The same key makes it once, however often it is sent;
        without one, a new key goes along, so that a broken connection never makes two.

        >>> request = AnalysisRequest(checkpoint=weights.id, train=data.id)
        >>> client.submit(request).state
        'queued'
        """
        key = idempotency_key or uuid.uuid4().hex
        return self.send(calls.submit(request, idempotency_key=key))

    def wait(
        self,
        identifier: str,
        *,
        progress: Told | None = None,
        seconds: float | None = None,
    ) -> Analysis:
        """The analysis once it has ended; `progress` hears the fraction done and a sentence.

        A connection that breaks is taken up again. Raises ProblemError not_ended after `seconds`;
        a failed analysis is returned as it is, with its `problem`.

        >>> client.wait(analysis.id, progress=lambda done, said: print(f"{done:.0%} {said}")).state
        0% Opening the checkpoint and the data
        100% Done
        'done'
        """
        if seconds is not None:
            return self._looked_at(identifier, progress, seconds)
        last, failures = "", 0
        while True:
            try:
                for event in self.events(identifier, last_event_id=last):
                    if event.name in ("snapshot", "progress", "state"):
                        _tell(event.data, progress)
                    last = event.id or last
                found = self.analysis(identifier)
                if found.state in FINAL_STATES:
                    return found
            except ProblemError as problem:
                failures += 1
                if problem.code != "server_unreachable" or not last or failures > PATIENCE:
                    raise
            time.sleep(RETRY_SECONDS)

    def _looked_at(self, identifier: str, progress: Told | None, seconds: float) -> Analysis:
        """Now and then: a stream may be quiet for longer than somebody waits."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.analysis(identifier)
            _tell(found.model_dump(include={"message", "state", "progress"}), progress)
            if found.state in FINAL_STATES:
                return found
            if time.monotonic() > deadline:
                raise ProblemError("not_ended", f"It has not ended within {seconds:g} seconds.")
            time.sleep(RETRY_SECONDS)

    def events(self, identifier: str, *, last_event_id: str = "") -> Iterator[Event]:
        """Live events: a snapshot first, then changes, ending after a final state.

        >>> for event in client.events(analysis.id):
        ...     print(event.name)
        snapshot
        progress
        state
        """
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

    def plan(self, request: AnalysisRequest) -> AnalysisPlan:
        """Predicted cost of the spectrum; ProblemError no_plan_yet where workers are busy.

        >>> client.plan(request).sentence
        'Lanczos: about 300 products, 4 seconds.'
        """
        return self.send(calls.plan(request))

    def architectures(self, request: AnalysisRequest) -> CandidateTable:
        """What bare weights may be, with the loss of each on the training data.

        >>> client.architectures(request).candidates[0].sentence
        'mlp with tanh'
        """
        return self.send(calls.architectures(request))

    def analyses(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        state: State | None = None,
        q: str | None = None,
    ) -> AnalysisPage:
        """Newest first, of one `state` and with `q` in their names where these are given.

        >>> [each.name for each in client.analyses(state="done", q="resnet").items]
        ['resnet wd 1e-3']
        """
        return self.send(calls.analyses(limit=limit, cursor=cursor, state=state, q=q))

    def analysis(self, identifier: str) -> Analysis:
        """How far it is, and what was asked.

        >>> client.analysis(analysis.id).progress
        0.35
        """
        return self.send(calls.analysis(identifier))

    def cancel(self, identifier: str) -> Analysis:
        """Ends a queued or running analysis; ProblemError already_ended.

        >>> client.cancel(analysis.id).state
        'cancelled'
        """
        return self.send(calls.cancel(identifier))

    def retry(self, identifier: str) -> Analysis:
        """Queues a failed or cancelled one again; ProblemError not_retryable.

        >>> client.retry(analysis.id).state
        'queued'
        """
        return self.send(calls.retry(identifier))

    def describe(self, identifier: str, change: AnalysisChange) -> Analysis:
        """Name, notes, tags, project of an analysis; what is not given stays.

        >>> client.describe(analysis.id, AnalysisChange(name="wide net", tags=["paper"])).name
        'wide net'
        """
        return self.send(calls.describe(identifier, change))

    def pin(self, identifier: str, *, pinned: bool = True) -> Analysis:
        """Keeps an analysis whatever its age, or no longer.

        >>> client.pin(analysis.id).pinned
        True
        """
        return self.send(calls.pin(identifier, pinned=pinned))

    def delete_analysis(self, identifier: str) -> None:
        """Removes an ended analysis with its results; ProblemError not_ended.

        >>> client.delete_analysis(analysis.id)
        """
        self.send(calls.delete_analysis(identifier))


def _tell(found: Mapping[str, Any], progress: Told | None) -> None:
    if progress is not None:
        said = str(found.get("message") or found.get("state") or "")
        progress(float(found.get("progress") or 0.0), said)
