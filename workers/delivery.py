"""The worker's side of the internal API: claim, heartbeat, files in, results out.

A worker outlives restarts of the API: everything but the claim is tried again for a while. Raises
`LostJobError` where the fencing token is no longer good.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from minimascope.client.calls import PREFIX, authorization
from minimascope.contract.code import Code, this_code
from minimascope.contract.settings import Settings

log = logging.getLogger("minimascope.worker")
CHUNK = 1 << 20
PATIENCE_SECONDS = 60.0
LAST_PATIENCE_SECONDS = 10.0  # of a worker that was told to stop: containers are given 30 s
TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class LostJobError(Exception):
    """Another worker holds the job, or it was ended: nothing more may be written."""


class StoppedError(Exception):
    """This worker was told to stop in the middle of a transfer."""


class RefusedError(ValueError):
    """The API answered, and does not take what was sent."""


class OtherReleaseError(Exception):
    """The server is of another version: this worker is given nothing, and takes nothing."""


class FullError(Exception):
    """The API has no room for what was sent, for longer than our patience."""


class UnavailableError(Exception):
    """The API did not answer well for longer than our patience."""


@dataclass(frozen=True)
class ClaimedJob:
    """`files` maps role to the sha256 to fetch; `names` to what the user called it.

    A slice, a line or a shard brings its `question`, a slice also the `arrays` it needs: name to
    the analysis that has them.
    """

    id: str
    kind: str
    token: str
    attempt: int
    lease_seconds: float
    job_seconds: float
    files: dict[str, str]
    names: dict[str, str]
    parameters: dict[str, Any]
    arrays: dict[str, str] = field(default_factory=dict)
    question: dict[str, Any] | None = None
    trace: str = ""


def _ended_patience(error: httpx.HTTPError) -> Exception:
    full = httpx.codes.INSUFFICIENT_STORAGE
    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == full:
        return FullError(str(error))
    return UnavailableError(str(error))


def _claimed(answer: dict[str, Any]) -> ClaimedJob:
    document = answer["document"]
    return ClaimedJob(
        id=answer["job"],
        kind=answer["kind"],
        token=answer["token"],
        attempt=answer["attempt"],
        lease_seconds=answer["lease_seconds"],
        job_seconds=answer["job_seconds"],
        files=document["files"],
        names=document["names"],
        parameters=document["parameters"],
        arrays=document.get("arrays", {}),
        question=document.get(answer["kind"]),
        trace=document.get("trace", ""),
    )


def api_url(settings: Settings) -> str:
    """Where workers find the API: MINIMASCOPE_API_URL, or the server on this machine."""
    return settings.api_url or f"http://{settings.host}:{settings.port}"


class Delivery:
    """One worker's connection; safe to share between a job's threads.

    `on_wait` hears of every wait and for how many seconds it may last, `on_part` of every part of a
    file: what that raises ends the transfer.
    """

    def __init__(self, base_url: str, worker_token: str, *, code: Code | None = None) -> None:
        self.on_wait: Callable[[float], None] = lambda seconds: None
        self.on_part: Callable[[], None] = lambda: None
        self._patience = PATIENCE_SECONDS
        self._code = code or this_code()
        self._live = f"{base_url.rstrip('/')}{PREFIX}/health/live"
        self._http = httpx.Client(
            base_url=f"{base_url.rstrip('/')}{PREFIX}/internal",
            headers={**authorization(worker_token), **self._code.headers()},
            timeout=TIMEOUT,
            event_hooks={
                "request": [self._asked],
                "response": [self._answered],
            },
        )

    def _asked(self, _: httpx.Request) -> None:
        self.on_wait(TIMEOUT.read or 0.0)

    def _answered(self, _: httpx.Response) -> None:
        self.on_wait(0.0)

    def hurry(self) -> None:
        """This worker was told to stop: an API that is away is asked again for seconds only."""
        self._patience = LAST_PATIENCE_SECONDS

    def close(self) -> None:
        self._http.close()

    def claim(self, job: str) -> ClaimedJob | None:
        """None where there is nothing to claim. Raises `OtherReleaseError`, and `UnavailableError`
        at once: an API that is away costs only this message."""
        try:
            self.check_release()
            response = self._http.post(f"/jobs/{job}/claim")
        except httpx.TransportError as error:
            raise UnavailableError(str(error)) from error
        if response.status_code in (httpx.codes.CONFLICT, httpx.codes.NOT_FOUND):
            if "release_differs" in response.text:
                raise OtherReleaseError(response.json()["sentence"])
            return None
        if response.is_server_error:
            raise UnavailableError(f"HTTP {response.status_code}")
        response.raise_for_status()
        return _claimed(response.json())

    def check_release(self) -> None:
        """Asked first: a server of an earlier version would give a job to any worker.

        Raises `OtherReleaseError`, httpx.TransportError.
        """
        answer = self._http.get(self._live)
        if not answer.is_success:
            raise UnavailableError(f"HTTP {answer.status_code}")
        said = answer.json()
        theirs = Code(str(said.get("version", "")), str(said.get("estimators", "")))
        if theirs.release != self._code.release:
            mine = self._code.words()
            raise OtherReleaseError(f"This worker is {mine}; the server is {theirs.release}.")

    def heartbeat(
        self, job: ClaimedJob, *, progress: float, message: str, stages: dict[str, dict[str, Any]]
    ) -> bool:
        """True where the job should be cancelled. Not repeated: the next one is due anyway."""
        body = {"progress": progress, "message": message, "stages": stages}
        return bool(self._once("POST", job, "heartbeat", json=body).json()["cancel"])

    def worker_seen(self, name: str, report: dict[str, Any]) -> dict[str, bool]:
        """`restart`: this worker should start again; `awake`: the next job should find a child
        ready. Raises httpx.HTTPError; not repeated."""
        response = self._http.put(f"/workers/{name}", json=report)
        response.raise_for_status()
        answer = response.json()
        return {"restart": bool(answer["restart"]), "awake": bool(answer.get("awake", True))}

    def awake(self) -> bool:
        """Whether somebody is there. Raises httpx.HTTPError; not repeated."""
        response = self._http.get("/workers/awake")
        response.raise_for_status()
        return bool(response.json()["awake"])

    def worker_gone(self, name: str) -> None:
        self._http.delete(f"/workers/{name}", timeout=2.0)

    def put_report(self, job: ClaimedJob, path: Path) -> None:
        self._patiently("PUT", job, "report", path=path)

    def put_array(self, job: ClaimedJob, name: str, path: Path) -> None:
        self._patiently("PUT", job, f"arrays/{name}", path=path)

    def finish(
        self,
        job: ClaimedJob,
        state: str,
        *,
        problem: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:
        body = {"state": state, "problem": problem, "result": result}
        self._patiently("POST", job, "finish", json=body)

    def add_shards(self, job: ClaimedJob, shards: list[dict[str, Any]]) -> None:
        """Parts of this analysis that any worker may take; those that are there stay."""
        self._repeat(lambda: self._once("PUT", job, "shards", json={"shards": shards}))

    def take_shard(self, job: ClaimedJob, stage: str) -> dict[str, Any]:
        """A part for this worker itself where one is free, and how all of the stage are."""
        answers: list[dict[str, Any]] = []
        self._repeat(lambda: answers.append(self._once("POST", job, f"shards/{stage}/take").json()))
        return answers[0]

    def release(self, job: ClaimedJob, *, frozen: bool = False) -> None:
        """Hands a job back to be taken anew; the attempt counts only where its child froze."""
        what = "release?frozen=true" if frozen else "release"
        self._patiently("POST", job, what)

    def fetch(self, identifier: str, path: Path) -> None:
        """Downloads one blob."""
        self._download(f"/blobs/{identifier}", path)

    def fetch_array(self, analysis: str, name: str, path: Path) -> None:
        """Downloads one array of an analysis as .npy."""
        self._download(f"/results/{analysis}/arrays/{name}", path)

    def _download(self, address: str, path: Path) -> None:
        """Tried again from its start."""

        def attempt() -> None:
            with self._http.stream("GET", address) as response:
                response.raise_for_status()
                with path.open("wb") as file:
                    for chunk in response.iter_bytes(CHUNK):
                        file.write(chunk)
                        self._part_done()

        self._repeat(attempt)

    def _content(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
                self._part_done()

    def _part_done(self) -> None:
        self.on_wait(TIMEOUT.read or 0.0)
        self.on_part()

    def _once(
        self,
        method: str,
        job: ClaimedJob,
        what: str,
        *,
        json: Any = None,
        path: Path | None = None,
    ) -> httpx.Response:
        response = self._http.request(
            method,
            f"/jobs/{job.id}/{what}",
            headers={"x-fencing-token": job.token},
            json=json,
            content=self._content(path) if path else None,
        )
        if response.status_code == httpx.codes.CONFLICT:
            raise LostJobError(job.id)
        response.raise_for_status()
        return response

    def _patiently(
        self,
        method: str,
        job: ClaimedJob,
        what: str,
        *,
        json: Any = None,
        path: Path | None = None,
    ) -> None:
        self._repeat(lambda: self._once(method, job, what, json=json, path=path))

    def _repeat(self, attempt: Any) -> None:
        """Again after transport errors and 5xx, with growing pauses, until patience ends."""
        began, pause = time.monotonic(), 0.2
        while True:
            try:
                attempt()
                return
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                if isinstance(error, httpx.HTTPStatusError) and error.response.is_client_error:
                    raise RefusedError(str(error)) from error
                if time.monotonic() + pause > began + self._patience:
                    raise _ended_patience(error) from error
            self.on_wait(pause)
            time.sleep(pause)
            pause = min(2 * pause, 5.0)
