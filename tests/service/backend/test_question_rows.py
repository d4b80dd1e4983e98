"""Slices in the repository, on SQLite and PostgreSQL: asked once, counted, forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backend.jobs.job import NewJob
from backend.storage.database import open_database
from minimascope.contract.job_kinds import job_kind
from minimascope.contract.problems import ProblemError
from tests.cases.repositories import Repositories

MOST_WAITING = job_kind("slice").most_waiting or 0


@pytest.fixture
def repository(database: str) -> Iterator[Repositories]:
    made = Repositories(open_database(database))
    yield made
    made.close()


def asked(identifier: str, analysis: str = "a" * 32) -> NewJob:
    document = {"slice": {"plane": "input"}}
    return NewJob("slice", analysis, document, id=identifier)


def test_of_many_who_ask_at_once_one_is_to_send_it(repository: Repositories) -> None:
    answers: list[bool] = []
    gate = threading.Barrier(8)

    def race() -> None:
        gate.wait()
        answers.append(repository.questions.ask(asked("1"), now=0.0))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]


def test_a_refused_question_stays_answered_and_a_crash_does_not(repository: Repositories) -> None:
    for identifier, status, again in (("1", 422, False), ("2", 500, True)):
        repository.questions.ask(asked(identifier), now=0.0)
        claim = repository.jobs.claim(identifier, now=0.0, lease=5.0)
        assert claim
        problem = {"code": "c", "sentence": "s", "advice": "", "status": status}
        repository.jobs.finish(identifier, claim.token, "failed", now=1.0, problem=problem)
        assert repository.questions.ask(asked(identifier), now=2.0) is again


def test_more_than_enough_questions_at_once_are_refused(repository: Repositories) -> None:
    for number in range(MOST_WAITING):
        assert repository.questions.ask(asked(str(number)), now=0.0)
    with pytest.raises(ProblemError, match="not computed yet") as refused:
        repository.questions.ask(asked("one more"), now=0.0)
    assert refused.value.status == 429
    assert repository.questions.ask(asked("elsewhere", "b" * 32), now=0.0)
    assert not repository.questions.ask(asked("0"), now=0.0)


def test_old_planes_are_forgotten_by_name_and_others_stay(repository: Repositories) -> None:
    for identifier, end in (("old", 1.0), ("new", 50.0)):
        repository.questions.ask(asked(identifier), now=0.0)
        claim = repository.jobs.claim(identifier, now=0.0, lease=5.0)
        assert claim
        repository.jobs.finish(identifier, claim.token, "done", now=end, result={"underflowed": 0})
    repository.questions.ask(asked("waiting"), now=0.0)
    assert repository.leases.forget(ended_before=60.0) == 0
    assert repository.jobs.forget_answers(ended_before=10.0) == ["old"]
    assert sorted(repository.jobs.forget_answers(analysis="a" * 32)) == ["new", "waiting"]
