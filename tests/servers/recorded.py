"""The real service over recorded results: `serve`, and a worker whose child tells what was told.

API, database, store, message folder, supervisor and pages are the product's own. Only the
mathematics is recorded: tests/cases/recorded holds what a worker answered, and each analysis has
the report and the arrays that its test gives.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any, Literal, Self

import numpy as np

from backend.analyses.repository import AnalysisRepository
from backend.jobs.job import NewJob
from backend.storage.opened import opened
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import STAGES
from minimascope.contract.schemas import Analysis, AnalysisRequest, UploadKind
from minimascope.contract.settings import Settings
from minimascope.service.transport import celery_app, send
from tests.cases.reference_report import Found
from tests.servers.places import PROGRAMS
from tests.servers.processes import await_true
from tests.servers.serve import Served
from workers.delivery import Delivery
from workers.process.supervisor import Supervisor

ANSWERS = Path(__file__).parents[1] / "cases" / "recorded"
TOKEN = "w"
QUEUES: tuple[Literal["inspections", "analyses"], ...] = ("inspections", "analyses")
Event = dict[str, Any]
File = Path | bytes


def _named(name: str) -> str:
    """An id that says in a log whose it is; ids are 32 hexadecimal digits."""
    return name.encode().hex().ljust(32, "0")


GAUSS, IRIS, TWIN, SMALL, LETTERS = map(_named, ("gauss", "iris", "twin", "small", "letters"))
LIVE, BAD, AGAIN = map(_named, ("live", "bad", "again"))
# A problem as a worker tells it.
FAILED = {
    "code": "workers_lost",
    "sentence": "Three workers were lost while computing the gap.",
    "advice": "Give the worker more memory.",
    "status": 500,
}
# How an analysis got to where it is: seconds of each stage.
DONE: tuple[Event, ...] = tuple(
    {"event": "stage", "stage": stage, "state": "done", "seconds": 1.2} for stage in STAGES
)
HALFWAY: tuple[Event, ...] = (
    {"event": "stage", "stage": "spectrum", "state": "done", "seconds": 9.4},
    {"event": "stage", "stage": "density", "state": "done", "seconds": 0.3},
    {"event": "stage", "stage": "gap", "state": "running", "seconds": None},
    {"event": "progress", "stage": "gap", "fraction": 0.46, "message": "Gram matrix"},
)


class RecordedWorker:
    """Takes what the API sends; each job in a thread, so that one without end holds up nobody."""

    def __init__(self, url: str, data: Path, analyses: Path) -> None:
        child = str(PROGRAMS / "recorded_child.py")
        self._command = (sys.executable, child, str(ANSWERS), str(analyses))
        self._delivery = Delivery(url, TOKEN)
        self._celery = celery_app(Settings(data_dir=data))
        self._idle: list[Supervisor] = []
        self._all: list[Supervisor] = []
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._listen, args=(name,)) for name in QUEUES]
        self.ignored: set[str] = set()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for supervisor in self._all:
            supervisor.stopping.set()
        for thread in [*self._threads]:
            thread.join()
        for supervisor in self._all:
            supervisor.close()
        self._delivery.close()
        self._celery.close()

    def send(self, job: str) -> None:
        """As the API sends an analysis."""
        send(self._celery, job, "analyses")

    def _listen(self, name: str) -> None:
        with self._celery.connection_for_read() as connection:
            waiting = connection.SimpleQueue(name)
            while not self._closing.is_set():
                try:
                    message = waiting.get(timeout=0.1)
                except Empty:
                    continue
                message.ack()
                job = message.payload[0][0]
                if job not in self.ignored:
                    thread = threading.Thread(target=self._work, args=(job,))
                    self._threads.append(thread)
                    thread.start()
            waiting.close()

    def _work(self, job: str) -> None:
        supervisor = self._idle.pop() if self._idle else Supervisor(self._delivery, self._command)
        if supervisor not in self._all:
            self._all.append(supervisor)
        supervisor.run(job)
        self._idle.append(supervisor)


@dataclass
class Recorded:
    """Use as a context; `url` is where the pages are."""

    folder: Path

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._told = self.folder / "analyses"
        settings = {"DEMO_DIR": str(self.folder / "none"), "WORKER_TOKEN": TOKEN}
        settings |= {"INSPECT_WAIT_SECONDS": "60", "LEASE_SECONDS": "60"}
        served = Served(self.folder / "data", settings, ("--no-worker",), quiet=False)
        self.served = self._stack.enter_context(served)
        self.url = self.served.url
        worker = RecordedWorker(self.url, self.folder / "data", self._told)
        self.worker = self._stack.enter_context(worker)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def done(
        self,
        identifier: str,
        name: str,
        found: Found,
        *,
        checkpoint: File = b"",
        train: File = b"",
        **parameters: Any,
    ) -> None:
        """A finished analysis with this report and these arrays."""
        self._tell(identifier, found, DONE)
        self._submit(identifier, name, checkpoint, train, parameters)
        self._await(identifier, lambda now: now.state == "done")

    def running(self, identifier: str, name: str, found: Found) -> None:
        """One that never ends, halfway through."""
        self._tell(identifier, found, HALFWAY, ends="never")
        self._submit(identifier, name)
        self._await(identifier, lambda now: now.message == "Gram matrix")

    def failed(self, identifier: str, name: str, problem: dict[str, Any]) -> None:
        """One that failed halfway, before any report; another try finds no worker."""
        self._tell(identifier, None, (*HALFWAY, {"event": "problem", "problem": problem}))
        self._submit(identifier, name)
        self._await(identifier, lambda now: now.state == "failed")
        self.worker.ignored.add(identifier)

    def any_other(self, found: Found) -> None:
        """What becomes of whatever somebody submits, after a moment."""
        self._tell("default", found, DONE, pause=0.6)

    def _tell(
        self,
        name: str,
        found: Found | None,
        events: Sequence[Event],
        *,
        ends: str = "well",
        pause: float = 0.0,
    ) -> None:
        folder = self._told / name
        folder.mkdir(parents=True)
        told = {"events": [*events], "ends": ends, "pause": pause}
        (folder / "told.json").write_text(json.dumps(told))
        if found:
            (folder / "report.json").write_text(found[0].model_dump_json(by_alias=True))
            for array, value in found[1].items():
                np.save(folder / f"{array}.npy", value, allow_pickle=False)

    def _submit(
        self,
        identifier: str,
        name: str,
        checkpoint: File = b"",
        train: File = b"",
        parameters: dict[str, Any] | None = None,
    ) -> None:
        """Files by upload; the row with an id that tests can write in an address."""
        own = identifier.encode()
        weights = self._stored("checkpoint", checkpoint or own, f"{identifier}.pt")
        rows = self._stored("dataset", train or own, "train.npz")
        request = AnalysisRequest(
            name=name, checkpoint=weights, train=rows, parameters=Parameters(**(parameters or {}))
        )
        document = {
            "files": {"checkpoint": weights, "train": rows},
            "names": {"checkpoint": f"{identifier}.pt", "train": "train.npz"},
            "parameters": request.parameters.model_dump(mode="json"),
        }
        job = NewJob("analysis", weights, document, stages=STAGES, id=identifier)
        with opened(Settings(data_dir=self.folder / "data")) as (engine, _):
            AnalysisRepository(engine).add_analysis(request, job, now=time.time())
        self.worker.send(identifier)

    def _stored(self, kind: UploadKind, file: File, name: str) -> str:
        content = file if isinstance(file, Path) else io.BytesIO(file)
        with self.served.client() as client:
            return client.store(kind, content, name=name).id

    def _await(self, identifier: str, there: Any) -> None:
        with self.served.client() as client:
            await_true(
                lambda: there(client.analysis(identifier)),
                seconds=60,
                else_say=lambda: f"{client.analysis(identifier)}",
            )

    def analysis(self, identifier: str, **changed: Any) -> Analysis:
        """As the API tells it, with something else in its place."""
        with self.served.client() as client:
            return client.analysis(identifier).model_copy(update=changed)
