"""The table of job kinds, and that everything it promises exists."""

from __future__ import annotations

from typing import get_args

import pytest

from minimascope.contract.job_kinds import (
    JOB_KINDS,
    KindName,
    Role,
    inspection_of,
    job_kind,
    kinds_with,
)
from minimascope.contract.questions.question import QuestionKind
from minimascope.contract.schemas import UploadKind


def test_every_name_has_a_row_and_every_role_a_kind() -> None:
    assert tuple(JOB_KINDS) == get_args(KindName)
    assert all(kinds_with(role) for role in get_args(Role))


def test_only_an_analysis_goes_to_the_queue_of_the_gpu() -> None:
    parameters = {"device": "cuda"}
    queues = {name: row.queue_for(parameters) for name, row in JOB_KINDS.items()}
    assert [name for name, queue in queues.items() if queue == "gpu"] == ["analysis"]
    assert JOB_KINDS["analysis"].queue_for({}) == "analyses"


def test_whoever_waits_never_waits_behind_an_analysis() -> None:
    for row in JOB_KINDS.values():
        waits_elsewhere = row.queue_for({}) == "inspections"
        assert waits_elsewhere == (row.role in ("inspection", "request", "question"))


def test_the_questions_are_those_that_are_asked() -> None:
    assert kinds_with("question") == get_args(QuestionKind)


@pytest.mark.parametrize("upload", get_args(UploadKind))
def test_every_upload_has_its_inspection(upload: UploadKind) -> None:
    assert job_kind(inspection_of(upload)).inspects == upload


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'dance' is no kind of job: inspect_checkpoint"):
        job_kind("dance")
