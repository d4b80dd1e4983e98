"""A fleet of two versions on one database: what each may take, and whose results are used again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
import sqlalchemy

from backend.jobs.job import NewJob
from backend.jobs.schemas import ShardRequest
from backend.storage.database import connect, migrate, open_database, revisions
from minimascope.contract.code import Code, this_code
from minimascope.contract.problems import ProblemError
from minimascope.contract.schemas import AnalysisRequest
from tests.cases.repositories import Repositories

NEW = this_code()
OLD = replace(NEW, estimators="0", build="0" * 12)
TWO = [ShardRequest(stage="margins", index=index, question={}) for index in range(2)]


@pytest.fixture
def repository(database: str) -> Iterator[Repositories]:
    found = Repositories(open_database(database))
    yield found
    found.close()


def submitted(repository: Repositories, now: float = 0.0) -> str:
    job = NewJob("analysis", "c" * 64, {"files": {}})
    request = AnalysisRequest(checkpoint="c" * 64, train="t" * 64)
    repository.analyses.add_analysis(request, job, now=now)
    return job.id


def claimed(repository: Repositories, job: str, code: Code, now: float = 1.0) -> Any:
    return repository.jobs.claim(job, now=now, lease=5.0, code=code)


def test_results_are_used_again_by_the_release_that_computed_them(repository: Repositories) -> None:
    def done(code: Code) -> str:
        job = submitted(repository)
        claim = claimed(repository, job, code)
        repository.jobs.finish(job, claim.token, "done", now=2.0)
        return job

    def found(code: Code) -> str | None:
        kept = repository.analyses.done_with_content("", owner="", release=code.release)
        return kept.id if kept else None

    old = done(OLD)
    assert (found(OLD), found(NEW)) == (old, None)
    new = done(NEW)
    assert (found(OLD), found(NEW)) == (old, new)


def test_a_job_claimed_before_the_upgrade_ends_under_the_name_its_worker_gives(
    repository: Repositories,
) -> None:
    """The earlier server kept no release; its worker says one, or (earlier still) none."""
    for said in (OLD, Code()):
        job = submitted(repository)
        claim = claimed(repository, job, Code())
        repository.jobs.finish(job, claim.token, "done", now=2.0, code=said)
        made = repository.analyses.analysis(job).made_by
        assert (made.estimators if made else "") == said.estimators
        assert repository.analyses.done_with_content("", owner="", release=NEW.release) is None


def test_parts_are_for_the_release_of_their_analysis(repository: Repositories) -> None:
    job = submitted(repository)
    mine = claimed(repository, job, OLD)
    parts = repository.shards.add_shards(job, mine.token, TWO, now=1.0)
    assert repository.workers.choose(parts[0], release=NEW.release) == parts[0]
    assert claimed(repository, parts[0], NEW) is None
    helper = claimed(repository, parts[0], OLD)
    repository.jobs.finish(parts[0], helper.token, "done", now=2.0, result={})
    # Its worker is lost, the next is of the new release: what the old one found is not used.
    again = claimed(repository, job, NEW, now=10.0)
    assert again.attempt == 2
    made = repository.shards.add_shards(job, again.token, TWO, now=11.0)
    assert sorted(made) == sorted(parts)
    assert claimed(repository, parts[0], OLD, now=12.0) is None
    assert claimed(repository, parts[0], NEW, now=12.0)


def test_many_servers_that_start_at_once_migrate_once(database: str) -> None:
    failed: list[Exception] = []

    def start() -> None:
        try:
            open_database(database).dispose()
        except Exception as error:
            failed.append(error)

    threads = [Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    engine = connect(database)
    found, newest = revisions(engine)
    engine.dispose()
    assert found == newest


def test_an_earlier_version_says_that_the_database_is_of_a_later_one(database: str) -> None:
    engine = open_database(database)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ProblemError) as refused:
        migrate(engine)
    engine.dispose()
    assert refused.value.code == "database_newer"
    assert "9999" in refused.value.sentence
