"""One analysis shared among workers: the same numbers whoever computed which part."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.jobs.shards.repository import shard_id
from minimascope.analysis.costs import gap as gap_costs
from minimascope.analysis.costs import margins as margin_costs
from minimascope.analysis.run import run_analysis
from minimascope.analysis.session.opening import Files
from minimascope.analysis.sharing.shards import Alone, Answer, Part, Work
from minimascope.analysis.stages import gap as gap_stage
from minimascope.contract.parameters import Parameters
from minimascope.contract.problems import ProblemError
from minimascope.contract.report import Report
from minimascope.contract.schemas import FINAL_STATES
from tests.cases.analyses import CNN, Kept, digit_images, digits_network, save
from tests.service.workers.conftest import Api, serving
from workers.delivery import ClaimedJob
from workers.jobs import shard
from workers.jobs.job import Job
from workers.jobs.lookup import perform
from workers.process.heartbeat import Heartbeat
from workers.sharing import exchange as shard_exchange
from workers.sharing.exchange import Exchange
from workers.sharing.supply import ShardSupply

PARAMETERS = Parameters(architecture=CNN, weight_decay=1e-3, top_k=3, stages=["gap", "margins"])
PARTS = [Part("margins", index, 10, 1.0, {"index": index}) for index in range(4)]


# Nothing here loses a lease by itself, however busy the machine is.
LEASE = 1000.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("data"), lease=LEASE, limit=LEASE) as made:
        yield made


@pytest.fixture
def api(server: Api) -> Iterator[Api]:
    """No test leaves a job to the next one."""
    yield server
    for each in server.repository.analyses.analyses(limit=9, cursor=None)[0]:
        if each.state not in FINAL_STATES:
            server.repository.analyses.cancel(each.id, now=time.time())
    server.repository.leases.reap(now=time.time() + 2 * LEASE, lease=LEASE)
    server.repository.jobs.forget_shards()


@dataclass
class Line:
    """A child and its supervisor in one thread: events are handled as they are sent."""

    supply: ShardSupply
    replies: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)

    def send(self, event: str, **values: Any) -> None:
        self.supply.handle(json.loads(json.dumps({"event": event, **values})), self)

    def tell(self, document: dict[str, Any]) -> None:
        self.replies.put(json.dumps(document).encode())


@dataclass
class Part(Kept):
    """What a helper publishes goes to the API."""

    api: Api | None = None
    job: ClaimedJob | None = None
    folder: Path = Path()

    def array(self, name: str, value: np.ndarray) -> None:
        assert self.api
        assert self.job
        path = self.folder / f"{self.job.id}-{name}.npy"
        np.save(path, value)
        self.api.delivery.put_array(self.job, name, path)


def claimed(api: Api) -> ClaimedJob:
    job = api.delivery.claim(api.job("sleep 0"))
    assert job
    return job


def exchange(api: Api, job: ClaimedJob, folder: Path) -> Exchange:
    line = Line(ShardSupply(api.delivery, job, folder))
    return Exchange(line, line.replies, folder)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    images, labels = digit_images()
    save(
        tmp_path, digits_network(images[:120], labels[:120], steps=40), (images[:120], labels[:120])
    )
    return Files(tmp_path / "model.pt", tmp_path / "train.npz")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An analysis of seconds is shared as one of minutes is."""
    monkeypatch.setattr(margin_costs, "SHARD_SECONDS", 0.0)
    monkeypatch.setattr(gap_stage, "WORTH_SHARING", 0.0)
    monkeypatch.setattr(gap_costs, "DENSE", 100)
    monkeypatch.setattr(shard_exchange, "WORTH_SHARING", 0.0)
    yield
    shard.LAST.forget()


def numbers(report: Report, kept: Kept) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Everything but the seconds it took."""
    sections = report.model_dump(mode="json", include={"gap", "minimum", "margins"})
    del sections["gap"]["plan"]
    return sections, {name: each.tobytes() for name, each in kept.arrays.items()}


def answered_elsewhere(api: Api, part: ClaimedJob, files: Files, folder: Path) -> None:
    """What a helping worker's child does with the shard it claimed."""
    assert part.question
    document = {
        "kind": "shard",
        "files": {"checkpoint": files.checkpoint, "train": files.train},
        "parameters": PARAMETERS.model_dump(mode="json"),
        "question": part.question,
        "workdir": folder,
    }
    publisher = Part(api=api, job=part, folder=folder)
    value = perform(Job.of(document, publisher, queue.SimpleQueue()))
    api.delivery.finish(part, "done", result=value)


@dataclass
class Helped:
    """An exchange whose every other shard another worker answers, the last one first."""

    exchange: Exchange
    api: Api
    job: ClaimedJob
    files: Files
    folder: Path
    helped: list[str] = field(default_factory=list)

    def add(self, parts: Sequence[Part], *, seconds: float) -> None:
        self.exchange.add(parts, seconds=seconds)
        for each in reversed(parts[::2]):
            part = self.api.delivery.claim(shard_id(self.job.id, each.stage, each.index))
            assert part
            answered_elsewhere(self.api, part, self.files, self.folder)
            self.helped.append(each.stage)

    def elsewhere(self, stage: str) -> bool:
        return self.exchange.elsewhere(stage)

    def gather(
        self, parts: Sequence[Part], work: Work, progress: Callable[[float], None]
    ) -> list[Answer]:
        return self.exchange.gather(parts, work, progress)


@pytest.mark.usefixtures("small_parts")
def test_the_numbers_do_not_depend_on_who_computed_them(
    api: Api, files: Files, tmp_path: Path
) -> None:
    job = claimed(api)
    shared = Helped(exchange(api, job, tmp_path), api, job, files, tmp_path)
    found: list[tuple[Report, Kept]] = []
    for each in (shared, Alone()):
        kept = Kept()
        report = run_analysis(files, PARAMETERS, workdir=tmp_path, publisher=kept, shards=each)
        found.append((report, kept))
    # One part is the gap, the others are points in both norms; claims take what comes first.
    assert len(shared.helped) >= 4
    assert found[0][0].failures == []
    assert numbers(*found[0]) == numbers(*found[1])
    assert found[0][1].fractions == sorted(found[0][1].fractions)
    api.delivery.finish(job, "cancelled")


def test_a_worker_alone_answers_every_shard_itself(api: Api, tmp_path: Path) -> None:
    job = claimed(api)
    shared, told = exchange(api, job, tmp_path), list[float]()
    shared.add(PARTS, seconds=100.0)
    answers = shared.gather(PARTS, doubled, told.append)
    assert [each.value["twice"] for each in answers] == [0, 2, 4, 6]
    assert told == sorted(told)
    assert told[-1] == 1.0
    api.delivery.finish(job, "cancelled")
    # What it left behind went with it.
    assert not any(api.repository.jobs.has_job(each) for each in ids(job))
    assert not any(api.service.store.result(each).exists() for each in ids(job))


def test_little_work_is_not_shared(api: Api, tmp_path: Path) -> None:
    job = claimed(api)
    shared = exchange(api, job, tmp_path)
    shared.add(PARTS, seconds=19.0)
    assert not shared.elsewhere("margins")
    assert len(shared.gather(PARTS, doubled, lambda done: None)) == 4
    assert not any(api.repository.jobs.has_job(each) for each in ids(job))
    api.delivery.finish(job, "cancelled")


def test_a_resumed_analysis_does_no_done_shard_again(api: Api, tmp_path: Path) -> None:
    job = claimed(api)
    first = exchange(api, job, tmp_path)
    first.add(PARTS, seconds=100.0)

    def dies(part: Part, progress: Callable[[float], None]) -> Answer:
        if part.index == 2:
            raise InterruptedError
        return doubled(part, progress)

    with pytest.raises(InterruptedError):
        first.gather(PARTS, dies, lambda done: None)
    again = stolen(api, job)
    second, done = exchange(api, again, tmp_path), list[int]()

    def counted(part: Part, progress: Callable[[float], None]) -> Answer:
        done.append(part.index)
        return doubled(part, progress)

    second.add(PARTS, seconds=100.0)
    answers = second.gather(PARTS, counted, lambda done: None)
    assert done == [2, 3]
    assert [each.value["twice"] for each in answers] == [0, 2, 4, 6]
    assert [each.arrays["margins"].tolist() for each in answers] == [[0], [1], [2], [3]]
    api.delivery.finish(again, "cancelled")


def test_a_shard_that_cannot_be_answered_fails_its_stage_with_its_sentence(
    api: Api, tmp_path: Path
) -> None:
    job = claimed(api)
    shared = exchange(api, job, tmp_path)
    shared.add(PARTS, seconds=100.0)
    part = api.delivery.claim(ids(job)[0])
    assert part
    problem = ProblemError("out_of_memory", "Too large.", "Use less.").as_dict()
    api.delivery.finish(part, "failed", problem=problem)
    with pytest.raises(ProblemError, match="Too large"):
        shared.gather(PARTS, doubled, lambda done: None)
    api.delivery.finish(job, "cancelled")


def test_a_cancelled_analysis_stops_the_shards_of_others(api: Api, tmp_path: Path) -> None:
    job = claimed(api)
    exchange(api, job, tmp_path).add(PARTS, seconds=100.0)
    part = api.delivery.claim(ids(job)[0])
    assert part
    heartbeat = Heartbeat(api.delivery, part)
    api.repository.analyses.cancel(job.id, now=time.time())
    asked = time.monotonic()
    while heartbeat.stop is None:
        assert time.monotonic() < asked + 60
        time.sleep(0.02)
    heartbeat.close()
    api.delivery.finish(job, "cancelled")


def doubled(part: Part, progress: Callable[[float], None]) -> Answer:
    progress(0.5)
    twice = {"twice": 2 * part.index}
    return Answer(twice, {"margins": np.array([part.index])})


def ids(job: ClaimedJob) -> list[str]:
    return [shard_id(job.id, each.stage, each.index) for each in PARTS]


def stolen(api: Api, job: ClaimedJob) -> ClaimedJob:
    """The same job for another worker, the first one and its shards being lost."""
    api.repository.leases.reap(now=time.time() + 2 * LEASE, lease=LEASE)
    found = api.delivery.claim(job.id)
    assert found
    assert found.id == job.id
    return found


def test_two_workers_share_the_parts_of_one_analysis(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = api.delivery.claim(api.job(f"parts 4 each 0 log {log}"))
    assert job
    shared, helper = exchange(api, job, tmp_path), api.supervisor()
    shared.add(PARTS, seconds=100.0)
    for identifier in ids(job)[2:]:
        helper.run(identifier)
    helper.close()
    assert [part for part in log.read_text().split() if "done" in part] == ["done-0", "done-1"]
    answers = shared.gather(PARTS, doubled, lambda done: None)
    assert [each.value for each in answers] == [
        {"part": 0},
        {"part": 1},
        {"twice": 4},
        {"twice": 6},
    ]
    api.delivery.finish(job, "cancelled")


def test_a_supervisor_alone_brings_its_child_through_every_part(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = api.job(f"parts 4 each 0 log {log}")
    api.supervisor().run(job)
    assert api.repository.analyses.analysis(job).state == "done"
    assert np.load(api.service.store.array(job, "alignment")).tolist() == [0, 1, 2, 3]
    assert [word for word in log.read_text().split() if "done" in word] == [
        f"done-{index}" for index in range(4)
    ]


def test_cancel_ends_the_parts_elsewhere_within_two_seconds(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job, thread = shared_by_a_supervisor(api, f"parts 2 each 60 log {log}")
    until(lambda: log.exists() and "part-0" in log.read_text())
    helper = threading.Thread(target=api.supervisor().run, args=(shard_id(job, "margins", 1),))
    helper.start()
    until(lambda: "part-1" in log.read_text())
    asked = time.monotonic()
    api.repository.analyses.cancel(job, now=time.time())
    helper.join(30)
    thread.join(30)
    # Told, not timed out: each part would have taken a minute.
    assert time.monotonic() - asked < 50
    assert api.repository.analyses.analysis(job).state == "cancelled"
    assert not api.repository.jobs.has_job(shard_id(job, "margins", 1))


def shared_by_a_supervisor(api: Api, text: str) -> tuple[str, threading.Thread]:
    """An analysis at work in a thread, its shards made."""
    job = api.job(text)
    thread = threading.Thread(target=api.supervisor().run, args=(job,))
    thread.start()
    until(lambda: api.repository.jobs.has_job(shard_id(job, "margins", 1)))
    return job, thread


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
