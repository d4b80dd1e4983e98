"""The Celery application of a worker process: carries ids to the supervisor, nothing else."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx
from celery.signals import worker_ready, worker_shutting_down

from minimascope.contract.queues import QueueName
from minimascope.contract.settings import Settings
from minimascope.service.logs import configure
from minimascope.service.transport import celery_app, send
from workers.delivery import Delivery, OtherReleaseError, UnavailableError, api_url
from workers.presence import Presence
from workers.process import pulse as pulses
from workers.process.supervisor import COMMAND, Supervisor
from workers.tasks import register

# After the job was given back: a broker that is silent must not keep the process.
LEAVE_SECONDS = 8.0
RELEASE_SECONDS = 2.0
log = logging.getLogger("minimascope.worker")


def run_worker(
    settings: Settings,
    queues: Sequence[QueueName],
    *,
    command: Sequence[str] = COMMAND,
    pulse: int | None = None,
    devices: Sequence[str] = (),
) -> None:
    """Consumes until SIGTERM, which gives a running job back. One job at a time, an analysis by a
    process for each of `devices` where there are several.

    The thread pool keeps one light process a worker: the work itself is in a child process. Who
    watches this process listens at the descriptor `pulse`.
    """
    configure(settings.log_format)
    # One line a heartbeat would bury everything else in the log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopping = threading.Event()
    delivery = Delivery(api_url(settings), settings.worker_token)
    supervisor = Supervisor(delivery, command, stopping, settings.folder() / "unfinished", devices)
    supervisor.pulse.patience = pulses.SHARE * settings.lease_seconds
    if pulse is not None:
        pulses.tell(pulse, supervisor.pulse)
    app = celery_app(settings)
    left = register(app, supervisor)

    def stop(**_: Any) -> None:
        stopping.set()
        delivery.hurry()
        threading.Thread(target=_leave, args=(supervisor,), daemon=True).start()

    def ready(**_: Any) -> None:
        if stopping.is_set():  # told while Celery was starting, before it listened itself
            os.kill(os.getpid(), signal.SIGTERM)

    worker_shutting_down.connect(stop, weak=False)
    worker_ready.connect(ready, weak=False)
    presence = Presence(delivery, queues, supervisor)
    try:
        if _of_one_release(delivery, stopping):
            supervisor.spare.prepare()
            app.worker_main(_arguments(queues))
    finally:
        _pass_on(app, left)
        presence.close()
        supervisor.close()
        delivery.close()


def _of_one_release(delivery: Delivery, stopping: threading.Event) -> bool:
    """Returns when the server is of this version, so that no message is taken from workers that
    are; False where this one was told to stop meanwhile. A server that is away is asked later."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    said = False
    while not stopping.is_set():
        try:
            delivery.check_release()
        except OtherReleaseError as error:
            if not said:
                log.error("no job taken: %s", error)
            said = True
            stopping.wait(RELEASE_SECONDS)
        except (httpx.TransportError, UnavailableError):
            return True
        else:
            return True
    return False


def _pass_on(app: Any, left: list[tuple[str, QueueName]]) -> None:
    for job, queue in left:
        try:
            send(app, job, queue)
        except Exception as error:  # kombu wraps only some brokers' errors
            log.warning("job %s: its message was lost, the API sends another: %s", job, error)


def _leave(supervisor: Supervisor) -> None:
    """An ordinary end takes leave of the broker, and waits for ever where that is silent."""
    supervisor.idle.wait()
    time.sleep(LEAVE_SECONDS)
    log.error("the broker does not answer: ending without taking leave")
    os._exit(1)


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
