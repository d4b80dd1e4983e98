"""`minimascope worker`: one Celery worker process for a server elsewhere or on this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated, cast

import typer

from minimascope.contract.problems import ProblemError
from minimascope.contract.queues import QUEUES, QueueName
from minimascope.contract.settings import Settings
from minimascope.service import tracing
from workers import device as devices
from workers.celery_app import run_worker
from workers.process.supervisor import COMMAND

NICE = 10


def command(
    queues: Annotated[
        str, typer.Option(metavar="A,B,...", help=f"of {','.join(QUEUES)}", show_default=False)
    ] = ",".join(QUEUES),
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="default: MINIMASCOPE_API_URL")
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda:N", help="what analyses run on")
    ] = "auto",
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    child: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Work off jobs of a server elsewhere or on this machine, until it is told to stop."""
    if with_parent:
        # Pages are looked at on the same machine: where both want its cores, they go first.
        os.nice(NICE)
    settings = Settings()
    tracing.configure(settings, "worker")
    if server:
        settings = settings.model_copy(update={"api_url": server})
    asked = _queues(queues)
    devices.choose(device)
    served = devices.served(asked)
    if not served:
        sentence = "There is no GPU here for the queue 'gpu'."
        raise ProblemError("no_gpu", sentence, "Give --queues inspections,analyses.")
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    run_worker(settings, served, command=(sys.executable, child) if child else COMMAND)


def _queues(text: str) -> list[QueueName]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in QUEUES:
            sentence = f"There is no queue {name!r}; there are {', '.join(QUEUES)}."
            raise ProblemError("unknown_queue", sentence)
    return cast(list[QueueName], names or list(QUEUES))


def _end_with_parent() -> None:
    """stdin is a pipe whose other end only the parent holds."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
