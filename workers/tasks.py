"""The one Celery task: work off the job of this id."""

from __future__ import annotations

from typing import Any

from minimascope.service.transport import TASK
from workers.delivery import UnavailableError
from workers.process.supervisor import Supervisor


def register(app: Any, supervisor: Supervisor) -> None:
    @app.task(name=TASK, ignore_result=True)
    def run(job: str) -> None:
        # An API that is away loses this message only: its reaper sends another.
        try:
            supervisor.run(job)
        except UnavailableError as error:
            app.log.get_default_logger().warning("job %s not claimed: %s", job, error)
