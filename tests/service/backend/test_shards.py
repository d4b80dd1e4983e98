"""Shards of an analysis on a SQLite file and on a PostgreSQL server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backend.jobs.job import Claim, NewJob, Progress
from backend.jobs.schemas import ShardRequest
from backend.storage.database import open_database
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest
from tests.cases.repositories import Repositories

LEASE = 5.0
IDLE = Progress(0.0, "", {})
THREE = [
    ShardRequest(stage="margins", index=index, question={"rows": [index]}) for index in range(3)
]


@pytest.fixture
def repository(database: str) -> Iterator[Repositories]:
    made = Repositories(open_database(database))
    yield made
    made.close()


def submitted(repository: Repositories, *, owner: str = "", now: float = 0.0) -> str:
    job = NewJob("analysis", "s", {"files": {}}, stages=("margins",), owner=owner)
    request = AnalysisRequest(checkpoint="c" * 64, train="t" * 64)
    repository.analyses.add_analysis(request, job, now=now)
    return job.id


def claimed(repository: Repositories, job: str, *, now: float = 1.0) -> Claim:
    claim = repository.jobs.claim(job, now=now, lease=LEASE)
    assert claim
    return claim


def sharded(repository: Repositories) -> tuple[Claim, list[str]]:
    """A running analysis with three shards."""
    parent = claimed(repository, submitted(repository))
    return parent, repository.shards.add_shards(parent.job, parent.token, THREE, now=1.0)


def take(repository: Repositories, parent: Claim, *, now: float = 1.0) -> str | None:
    news = repository.shards.take_shard(parent.job, parent.token, "margins", now=now, lease=LEASE)
    return news.taken.id if news.taken else None


def states(repository: Repositories, parent: Claim, *, now: float = 1.0) -> list[str]:
    news = repository.shards.take_shard(parent.job, parent.token, "none", now=now, lease=LEASE)
    assert news.shards == []
    return [repository.jobs.job(each).state for each in shard_ids(repository, parent)]


def shard_ids(repository: Repositories, parent: Claim) -> list[str]:
    from backend.jobs.shards.repository import shard_id

    return [shard_id(parent.job, each.stage, each.index) for each in THREE]


def test_a_shard_exists_once_however_often_its_analysis_asks(repository: Repositories) -> None:
    parent, made = sharded(repository)
    assert made == shard_ids(repository, parent)
    assert repository.shards.add_shards(parent.job, parent.token, THREE, now=2.0) == []
    shard = claimed(repository, made[0])
    assert (shard.kind, shard.document["shard"]["question"]) == ("shard", {"rows": [0]})
    with pytest.raises(ProblemError):
        repository.shards.add_shards(parent.job, "another", THREE, now=2.0)


def test_of_an_analysis_and_racing_workers_each_shard_goes_to_one(repository: Repositories) -> None:
    parent, made = sharded(repository)
    taken: list[str] = []
    gate = threading.Barrier(4)

    def help_out() -> None:
        gate.wait()
        taken.extend(each for each in made if repository.jobs.claim(each, now=1.0, lease=LEASE))

    def own() -> None:
        gate.wait()
        while each := take(repository, parent):
            taken.append(each)

    threads = [threading.Thread(target=work) for work in (help_out, help_out, help_out, own)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(made)


def test_a_heartbeat_of_the_analysis_keeps_the_shards_its_worker_took(
    repository: Repositories,
) -> None:
    parent, made = sharded(repository)
    assert take(repository, parent) == made[0]
    helper = claimed(repository, made[1])
    repository.jobs.heartbeat(parent.job, parent.token, IDLE, now=5.0, lease=LEASE)
    # The helper's lease ran out at 6, that of the analysis and its own shard at 10.
    assert repository.leases.reap(now=7.0, lease=LEASE).changed == [helper.job]
    assert states(repository, parent, now=7.0) == ["running", "queued", "queued"]


def test_a_resumed_analysis_finds_done_shards_done(repository: Repositories) -> None:
    parent, made = sharded(repository)
    helper = claimed(repository, made[2])
    repository.jobs.finish(helper.job, helper.token, "done", now=2.0, result={"value": 2})
    assert take(repository, parent) == made[0]
    assert set(repository.leases.reap(now=20.0, lease=LEASE).changed) == {parent.job, made[0]}
    again = claimed(repository, parent.job, now=21.0)
    assert repository.shards.add_shards(again.job, again.token, THREE, now=21.0) == []
    assert [take(repository, again, now=21.0) for _ in range(3)] == [made[0], made[1], None]
    news = repository.shards.take_shard(again.job, again.token, "margins", now=21.0, lease=LEASE)
    assert [(each.index, each.state) for each in news.shards] == [
        (0, "running"),
        (1, "running"),
        (2, "done"),
    ]
    assert news.shards[2].result == {"value": 2}


def test_a_process_started_again_by_its_worker_finds_its_shard_free(
    repository: Repositories,
) -> None:
    parent, made = sharded(repository)
    assert take(repository, parent) == made[0]
    # Out of memory: the same worker, under the same token, tries with half the batch.
    assert repository.shards.add_shards(parent.job, parent.token, THREE, now=1.0) == []
    assert take(repository, parent) == made[0]
    assert states(repository, parent) == ["running", "queued", "queued"]


def test_a_worker_that_gives_its_analysis_back_gives_its_shards_back(
    repository: Repositories,
) -> None:
    parent, made = sharded(repository)
    take(repository, parent)
    repository.jobs.release(parent.job, parent.token)
    helper = claimed(repository, made[0])
    assert helper.attempt == 1


def lost(repository: Repositories, parent: Claim, shard: str, *, times: int) -> float:
    """So many workers took the shard and were lost; the time it is then."""
    now = 1.0
    for _ in range(times):
        claimed(repository, shard, now=now)
        now += LEASE + 1
        repository.jobs.heartbeat(parent.job, parent.token, IDLE, now=now - 1, lease=LEASE)
        repository.leases.reap(now=now, lease=LEASE)
        repository.jobs.mark_sent([shard], now=now)
    return now


def test_a_shard_that_workers_die_of_fails_after_three_and_leaves_the_analysis(
    repository: Repositories,
) -> None:
    parent, made = sharded(repository)
    lost(repository, parent, made[0], times=3)
    assert repository.jobs.job(made[0]).problem == {
        **(repository.jobs.job(made[0]).problem or {}),
        "code": "worker_lost",
        "sentence": "The worker was lost 3 times while working on this.",
    }
    assert repository.jobs.job(parent.job).state == "running"


def test_the_analysis_does_not_take_a_shard_that_two_workers_died_of(
    repository: Repositories,
) -> None:
    parent, made = sharded(repository)
    now = lost(repository, parent, made[0], times=2)
    assert take(repository, parent, now=now) == made[1]
    # Nobody else came within two leases: with one worker it would wait for ever.
    now += 2 * LEASE + 1
    repository.jobs.heartbeat(parent.job, parent.token, IDLE, now=now, lease=LEASE)
    assert take(repository, parent, now=now) == made[2]
    assert repository.jobs.job(made[0]).state == "failed"


def test_cancelled_shards_are_told_and_forgotten_with_their_analysis(
    repository: Repositories,
) -> None:
    parent, made = sharded(repository)
    helper = claimed(repository, made[0])
    assert repository.jobs.forget_shards() == []
    repository.analyses.cancel(parent.job, now=2.0)
    assert repository.jobs.heartbeat(helper.job, helper.token, IDLE, now=2.0, lease=LEASE)
    assert repository.jobs.claim(made[1], now=2.0, lease=LEASE) is None
    assert take(repository, parent, now=2.0) is None
    repository.jobs.finish(parent.job, parent.token, "cancelled", now=3.0)
    assert sorted(repository.jobs.forget_shards(parent.job)) == sorted(made)
    with pytest.raises(ProblemError):
        repository.jobs.heartbeat(helper.job, helper.token, IDLE, now=3.0, lease=LEASE)


def test_shards_wait_for_whole_analyses_and_cost_their_owner_nothing(
    repository: Repositories,
) -> None:
    first = claimed(repository, submitted(repository, owner="ann"))
    made = repository.shards.add_shards(first.job, first.token, THREE, now=1.0)
    bob = claimed(repository, submitted(repository, owner="bob"))
    claimed(repository, made[0])
    # Ann's next is older than Bob's; her shard does not put it behind.
    hers = submitted(repository, owner="ann", now=2.0)
    his = submitted(repository, owner="bob", now=3.0)
    order = []
    for _ in range(4):
        chosen = repository.workers.choose(bob.job)
        order.append(chosen)
        claimed(repository, chosen)
    assert order == [hers, his, *made[1:]]


def test_shards_are_no_analyses_and_make_no_queue_old(repository: Repositories) -> None:
    parent, _ = sharded(repository)
    assert [each.id for each in repository.analyses.analyses(limit=9, cursor=None)[0]] == [
        parent.job
    ]
    figures, age = repository.operations.queue_figures(now=100.0)
    assert (figures["shard", "queued"], age) == (3, 0.0)
