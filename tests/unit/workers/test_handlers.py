"""What a child does for each kind of job."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest
from pydantic import ValidationError

from minimascope.contract.job_kinds import JOB_KINDS, KindName
from tests.cases.analyses import Kept
from workers.jobs.job import Job
from workers.jobs.lookup import handler


@pytest.mark.parametrize("kind", JOB_KINDS)
def test_every_kind_has_a_handler(kind: KindName) -> None:
    assert callable(handler(kind).run)


@pytest.mark.parametrize("kind", [row.name for row in JOB_KINDS.values() if row.question])
def test_a_job_without_its_question_is_refused_before_any_file_is_read(
    kind: KindName, tmp_path: Path
) -> None:
    document = {"kind": kind, "files": {}, "question": None, "workdir": tmp_path}
    with pytest.raises(ValidationError):
        Job.of(document, Kept(), queue.SimpleQueue())
