"""The Celery application of a worker process: carries ids to the supervisor, nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from celery.signals import worker_shutting_down

from minimascope.contract.queues import QueueName
from minimascope.contract.settings import Settings
from minimascope.service.logs import configure
from minimascope.service.transport import celery_app
from workers.delivery import Delivery, api_url
from workers.presence import Presence
from workers.process.supervisor import COMMAND, Supervisor
from workers.tasks import register


def worker_app(settings: Settings, supervisor: Supervisor) -> Any:
    app = celery_app(settings)
    register(app, supervisor)
    return app


def run_worker(
    settings: Settings, queues: Sequence[QueueName], *, command: Sequence[str] = COMMAND
) -> None:
    """Consumes until SIGTERM, which gives a running job back. One job at a time.

    The thread pool keeps one light process a worker: the work itself is in a child process.
    """
    configure(settings.log_format)
    # One line a heartbeat would bury everything else in the log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopping = threading.Event()
    delivery = Delivery(api_url(settings), settings.worker_token)
    supervisor = Supervisor(delivery, command, stopping)
    app = worker_app(settings, supervisor)

    def stop(**_: Any) -> None:
        stopping.set()

    worker_shutting_down.connect(stop, weak=False)
    supervisor.spare.prepare()
    presence = Presence(delivery, queues, supervisor)
    try:
        app.worker_main(_arguments(queues))
    finally:
        presence.close()
        supervisor.close()
        delivery.close()


def _arguments(queues: Sequence[QueueName]) -> list[str]:
    return [
        "worker",
        f"--queues={','.join(queues)}",
        f"--hostname={'-'.join(queues)}@%h",
        "--pool=threads",
        "--concurrency=1",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "--loglevel=INFO",
    ]
