"""The one Celery task: work off the job of this id."""

from __future__ import annotations

import os
import signal
from typing import Any

from minimascope.service.transport import TASK
from workers.delivery import OtherReleaseError, UnavailableError
from workers.process.supervisor import Supervisor


def register(app: Any, supervisor: Supervisor) -> list[tuple[str, Any]]:
    """Job and queue of messages that came when this worker had to stop: they are still to send."""
    left: list[tuple[str, Any]] = []

    @app.task(name=TASK, ignore_result=True, bind=True)
    def run(task: Any, job: str) -> None:
        # Taking messages goes on for two seconds; the one of the job just given back may be among
        # them, and another worker would hear of it after a lease only.
        if supervisor.stopping.is_set():
            left.append((job, task.request.delivery_info["routing_key"]))
            return
        # An API that is away loses this message only: its reaper sends another.
        try:
            supervisor.run(job)
        except UnavailableError as error:
            app.log.get_default_logger().warning("job %s not claimed: %s", job, error)
        except OtherReleaseError as error:
            # The message is for others; started again, this worker waits for its server.
            app.log.get_default_logger().error("no job taken: %s", error)
            left.append((job, task.request.delivery_info["routing_key"]))
            os.kill(os.getpid(), signal.SIGTERM)

    return left
